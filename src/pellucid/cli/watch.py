"""`pellucid watch`: how a training fares, read from the folder of its run."""

import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from pellucid.cli.guard import EXIT_CODES, OK, guarded
from pellucid.cli.screen import Screen
from pellucid.core.errors import BadRequest
from pellucid.core.text import Text
from pellucid.engine.monitor.history import History, read_run
from pellucid.methods.gradient._training import flow_words
from pellucid.results import spell

_HELP = f"""Tell how the training fares that is stored in RUN, the folder that was given to lens.watch(folder=...).

It may be under way, finished, or killed; reading never disturbs it. With -o a report with curves and maps of layers by
steps is written.

\b
Examples:
    pellucid watch runs/first
    pellucid watch runs/first --follow 10
    pellucid watch runs/first -o report.html

{EXIT_CODES}"""
STATES = {
    "running": Text("under way", "进行中"),
    "finished": Text("finished", "已完成"),
    "interrupted": Text("interrupted", "已中断"),
    "killed": Text("ended without a word: it was killed, or the machine stopped", "突然终止：进程被杀死或机器停止"),
}


@click.command("watch", help=_HELP, short_help="Tell how a watched training fares.")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write a report (.html).")
@click.option("--follow", metavar="SECONDS", type=click.FloatRange(min=0.1), help="Tell again so often, to the end.")
@guarded
def watch(screen: Screen, *, run: Path, output: Path | None, follow: float | None) -> int:
    """Read, tell, and write the report if one is wanted."""
    if output is not None and output.suffix.lower() not in (".html", ".htm"):
        raise BadRequest(f"'{output}' must end in .html", asked_by=f"-o {output}", hint="-o report.html")
    history = read_run(run)
    tell(screen, history)
    while follow is not None and history.state == "running":
        time.sleep(follow)
        history = read_run(run)
        tell(screen, history)
    if output is not None:
        from pellucid.lens.run import Run

        lang: Any = screen.lang
        Run.open(run).save(output, lang=lang)
        screen.wrote([output])
    return OK


def tell(screen: Screen, history: History) -> None:
    """The state of a run: steps, metrics, what went wrong."""
    state = STATES.get(history.state, Text(history.state))
    name, steps, measured = history.about.get("model", ""), history.last + 1, len(history.samples)
    screen.say(
        Text(
            f"{name}: {state.en}, {steps:,} steps, {measured:,} of them measured",
            f"{name}：{state.zh or state.en}，共 {steps:,} 步，其中 {measured:,} 步有测量",
        ),
        "bold",
    )
    rows = [(metric, _course(curve.values)) for metric, curve in history.metrics.items()]
    rates = history.facts("rate.0")
    rows += [(Text("learning rate", "学习率").say(screen.lang), _course(rates.values))] if len(rates.steps) else []
    screen.table(rows, (Text("metric", "指标"), Text("first → last (lowest to highest)", "最初 → 最近（最低至最高）")))
    if history.born is not None:
        screen.missed(history.born.words)
    for words in flow_words(history):
        screen.missed(words)
    for note in history.notes:
        screen.aside(note)


def _course(values: np.ndarray) -> str:
    finite = values[np.isfinite(values)]
    ends = f"{spell.number(float(values[0]))} → {spell.number(float(values[-1]))}"
    return (
        f"{ends} ({spell.number(float(finite.min()))} – {spell.number(float(finite.max()))})" if len(finite) else ends
    )
