"""`pellucid diagnose`: what is wrong with a network, its input or its training."""

from collections.abc import Sequence
from typing import Any

import click

from pellucid.cli.guard import EXIT_CODES, INTERRUPTED, OK, guarded
from pellucid.cli.screen import Screen
from pellucid.cli.trust import trusting
from pellucid.core.errors import BadRequest, ModelFailed, NotApplicable
from pellucid.core.text import Text

OPTIONS = {"x": "INPUT", "target": "INPUT", "preprocess": "--preprocess", "labels": "--labels", "run": "--run"}
STYLES = {"high": "bold red", "medium": "yellow", "low": "", "info": ""}
_HELP = f"""Find what is wrong with MODEL, with INPUT, or with a training.

MODEL and INPUT are as for `pellucid see`; sixteen examples or more tell most. A check that lacks what it needs (labels,
a run) is listed as not made. What is found does not change the exit code.

\b
Examples:
    pellucid diagnose net.py:Net a.jpg b.jpg -w model.pth
    pellucid diagnose net.py:Net --data folder:pictures
    pellucid diagnose net.py:Net x.npy --labels 3,1,4 -o findings.html
    pellucid diagnose net.py:Net --run runs/first

{EXIT_CODES}"""


@click.command("diagnose", help=_HELP, short_help="Find what is wrong.")
@click.argument("model")
@click.argument("inputs", metavar="[INPUT]...", nargs=-1)
@click.option("--data", metavar="DATA", help="Take examples and labels of a data set, as `pellucid sweep` reads them.")
@click.option("--labels", "truth", metavar="A,B,...", help="The true class of each INPUT, as number or name.")
@click.option("--run", "run", metavar="RUN", help="Folder of a training, as lens.watch(folder=...) wrote it.")
@click.option("-w", "--weights", metavar="FILE", help="Weights, as for `pellucid see`.")
@click.option("--preprocess", metavar="NAME", help="From picture to tensor: imagenet, cifar10, efficientnet_lite.")
@click.option("--names", "labels", metavar="FILE", help="Class names: one a line, or a JSON list.")
@click.option(
    "-o",
    "--output",
    "out",
    metavar="FILE",
    help="x.html: a report with the evidence. x.json, x.md: what was found. x.png .svg .pdf: a table of it.",
)
@click.option("--samples", type=click.IntRange(1), help="How many samples of --data.  [default: 64]")
@click.option("--seed", default=0, show_default=True, help="Of everything random.")
@click.option("--device", metavar="NAME", help="cpu, cuda, cuda:1, ...  Default: where the model is.")
@trusting
@guarded
def diagnose(
    screen: Screen,
    *,
    model: str,
    inputs: Sequence[str],
    data: str | None,
    truth: str | None,
    run: str | None,
    out: str | None,
    samples: int | None,
    seed: int,
    **stated: Any,
) -> int:
    """Open, check, tell, write."""
    from pellucid.cli.data import data_of
    from pellucid.cli.interrupt import looking
    from pellucid.cli.source import input_of, lens_of
    from pellucid.diagnose.findings import check_ending
    from pellucid.lens.diagnosing import SAMPLES

    if inputs and data is not None:
        raise BadRequest("both INPUT and --data are given", asked_by=f"--data {data}", hint="one of them")
    if out is not None:
        check_ending(out)
    lens = lens_of(model, **stated)
    for note in lens.notes:
        screen.aside(note)
    x = input_of(inputs, seed, text=lens.tokenizer is not None, pictures=lens.preprocess is not None)
    source, notes = (None, ()) if data is None else data_of(data)
    for note in notes:
        screen.aside(note)
    with looking(screen) as (stop, watch):
        how: dict[str, Any] = {"labels": truth and _labels(truth), "run": run, "seed": seed, "progress": watch}
        found = lens.diagnose(x, data=source, samples=samples or SAMPLES, **how)
    tell(screen, found)
    if out is not None:
        screen.wrote([found.save(out, lang="zh" if screen.lang == "zh" else "en")])
    return INTERRUPTED if stop.asked else OK


def _labels(words: str) -> list[int | str]:
    return [int(one) if one.isdecimal() else one for one in (part.strip() for part in words.split(","))]


def examined(lens: Any, x: Any, run: Any, seed: int, watch: Any) -> list[Any]:
    """The findings; none where the model raises, which its flow graph tells."""
    try:
        return [lens.diagnose(x, run=run, seed=seed, progress=watch)]
    except (ModelFailed, NotApplicable):
        return []


def tell_in_short(screen: Screen, examined: Sequence[Any]) -> None:
    """A line for each finding, and how many checks were made."""
    from pellucid.diagnose.finding import WORDS

    lang, stop = screen.lang, "：" if screen.lang == "zh" else ": "
    for one in (one for found in examined for one in found):
        said = f"[{WORDS[one.severity].say(lang)}] {headline(one, lang)}{stop}{one.said.say(lang)}"
        screen.say(said, STYLES[one.severity])
    for found in examined:
        count, missing = len(found.passed), len(found.not_made)
        en = f"{count} checks found nothing wrong; {missing} were not made, and the report says why."
        screen.say(Text(en, f"{count} 项检查未发现问题；另有 {missing} 项未进行，原因见报告。"))


def headline(one: Any, lang: str) -> str:
    """What is wrong, and where."""
    return " · ".join(part for part in (one.title.say(lang), one.where(lang)) if part)


def tell(screen: Screen, found: Any) -> None:
    """Every finding with its advice, which checks were not made and why, and how many were made."""
    from pellucid.diagnose.finding import WORDS

    lang = screen.lang
    for one in found:
        screen.say(f"[{WORDS[one.severity].say(lang)}] {headline(one, lang)}", STYLES[one.severity])
        screen.say(one.said, indent=4)
        screen.say(Text(f"Try: {one.advice.en}", f"可以尝试：{one.advice.say('zh')}"), indent=4)
    for note in found.notes:
        screen.missed(note)
    by: dict[str, list[Text]] = {}
    for one in found.not_made:
        by.setdefault(_lacking(one).say(lang), []).append(one.title)
    for why, titles in by.items():
        en, zh = "; ".join(one.en for one in titles), "、".join(one.say("zh") for one in titles)
        screen.aside(Text(f"Not made ({why}): {en}.", f"未进行（{why}）：{zh}。"))
    _count(screen, found)


def _lacking(one: Any) -> Text:
    """Why a check was not made; what it lacks is told by its option."""
    if not one.lacks:
        return one.reason
    options = list(dict.fromkeys(OPTIONS[name] for name in one.lacks))
    return Text(f"needs {' and '.join(options)}", f"需要 {' 与 '.join(options)}")


def _count(screen: Screen, found: Any) -> None:
    from pellucid.diagnose.finding import SEVERITIES, WORDS

    counts = [(len(found.of(one)), WORDS[one]) for one in SEVERITIES if found.of(one)]
    passed = len(found.passed)
    if counts:
        en = f"Found: {', '.join(f'{count} {words.en}' for count, words in counts)}; {passed} checks found nothing."
        zh = f"发现：{'、'.join(f'{count} 项{words.zh}' for count, words in counts)}；{passed} 项检查未发现问题。"
    else:
        en, zh = f"Nothing was found by {passed} checks.", f"{passed} 项检查均未发现问题。"
    screen.say(Text(en, zh), "bold")
