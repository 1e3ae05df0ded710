"""Exit codes, and errors in words."""

import errno

import click
import pytest
from click.testing import CliRunner

from pellucid.cli.guard import exit_code, guarded
from pellucid.core.errors import BadInput, BadWeights, Cancelled, MethodFault, ModelFailed, NotApplicable


def command(error: BaseException | None = None, code: int = 0) -> click.Command:
    @click.command()
    @guarded
    def run(screen):
        screen.say("at work")
        if error is not None:
            raise error
        return code

    return run


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadInput("x"), 2),
        (BadWeights("x"), 2),
        (FileNotFoundError(2, "No such file", "x"), 2),
        (ModelFailed("x"), 3),
        (NotApplicable("x"), 1),
        (MethodFault("x"), 70),
        (ZeroDivisionError("x"), 70),
        (Cancelled("x"), 130),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__,
)
def test_exit_codes(error, code):
    seen = CliRunner().invoke(command(error))
    assert seen.exit_code == code
    assert seen.stderr.startswith(("Error: ", "Interrupted")) and "Traceback" not in seen.output
    if not isinstance(error, KeyboardInterrupt):
        assert exit_code(error) == code


def test_what_the_command_returns():
    assert CliRunner().invoke(command(code=1)).exit_code == 1
    seen = CliRunner().invoke(command())
    assert seen.exit_code == 0 and seen.stdout == "at work\n"


def test_debug_shows_where():
    seen = CliRunner().invoke(command(BadInput("x")), ["--debug"])
    assert isinstance(seen.exception, BadInput) and seen.exit_code == 1


def test_errors_of_the_command_line_are_clicks_own():
    seen = CliRunner().invoke(command(), ["--lang", "fr"])
    assert seen.exit_code == 2 and "'en', 'zh'" in seen.stderr


def test_quiet_and_language():
    assert CliRunner().invoke(command(), ["-q"]).output == ""
    assert CliRunner().invoke(command(), env={"PELLUCID_LANG": "zh"}).exit_code == 0


def test_nothing_is_told_where_nobody_reads_on(capsys):
    with pytest.raises(SystemExit) as ended:
        command(BrokenPipeError(errno.EPIPE, "Broken pipe"))([])
    assert ended.value.code == 1 and "Error" not in capsys.readouterr().err
