"""What every command has: its language, quiet and debug options, its exit code, errors in words."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from pellucid.cli.screen import Screen
from pellucid.core.errors import BadRequest, Cancelled, ModelFailed, NotApplicable
from pellucid.core.text import Text

OK, SOME_MISSING, BAD_REQUEST, MODEL_FAILED, FAULT, INTERRUPTED = 0, 1, 2, 3, 70, 130

EXIT_CODES = """\b
Exit codes:
    0    everything was made
    1    some picture could not be made; the reason is told
    2    the request is wrong: an unknown name, a bad file, ...
    3    the model itself raised an error
    70   a fault of pellucid itself
    130  interrupted by Ctrl-C; what was finished is kept
"""


def guarded(run: Callable[..., int]) -> Callable[..., None]:
    """A command out of a function that takes a `Screen` first and returns the exit code."""

    @click.option(
        "--lang",
        type=click.Choice(["en", "zh"]),
        default="en",
        envvar="PELLUCID_LANG",
        help="Language: English or Chinese.",
    )
    @click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
    @click.option("--debug", is_flag=True, help="Show where an error comes from, with the traceback.")
    @wraps(run)
    def command(*, lang: str, quiet: bool, debug: bool, **given: Any) -> None:
        screen = Screen(lang, quiet=quiet)
        try:
            code = run(screen, **given)
        except KeyboardInterrupt:
            screen.error(Text("Interrupted.", "已中断。"))
            code = INTERRUPTED
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):  # click ends quietly where nobody reads
            raise
        except Exception as error:
            if debug:
                raise
            screen.failed(error)
            code = exit_code(error)
        click.get_current_context().exit(code)

    return command


def exit_code(error: BaseException) -> int:
    """The exit code that says what kind of error it was."""
    if isinstance(error, Cancelled):
        return INTERRUPTED
    if isinstance(error, ModelFailed):
        return MODEL_FAILED
    if isinstance(error, NotApplicable):
        return SOME_MISSING
    return BAD_REQUEST if isinstance(error, BadRequest | OSError) else FAULT
