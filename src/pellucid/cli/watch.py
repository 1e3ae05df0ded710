"""`pellucid watch`: how a training fares, read from the folder of its run."""

import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pellucid.cli.guard import EXIT_CODES, INTERRUPTED, OK, SOME_MISSING, guarded
from pellucid.cli.screen import Screen
from pellucid.core.errors import BadRequest
from pellucid.core.text import Text
from pellucid.engine.monitor.history import History, read_run
from pellucid.engine.monitor.log import parts

if TYPE_CHECKING:
    from pellucid.cli.destination import Destination
    from pellucid.registry import View

SILENT = 60.0  # seconds without a word after which a training that is under way is asked about
_HELP = f"""Tell how the training fares that is stored in RUN, the folder that was given to lens.watch(folder=...).

It may be under way, finished, or killed; reading never disturbs it. With -o a report with curves and maps of layers by
steps is written; with -m only the pictures that are asked for.

\b
Examples:
    pellucid watch runs/first
    pellucid watch runs/first --follow 10
    pellucid watch runs/first -o report.html
    pellucid watch runs/first -m gradient_flow -o flow.png
    pellucid watch runs/first -m "updates:layer=block*" -m gradient_maps

{EXIT_CODES}"""


@click.command("watch", help=_HELP, short_help="Tell how a watched training fares.")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "-m",
    "--method",
    "methods",
    multiple=True,
    metavar="METHOD[:NAME=VALUE,...]",
    help="A picture of the training, as gradient_flow, gradient_maps or updates; may be given several times.",
)
@click.option(
    "-o",
    "--output",
    "out",
    metavar="PATH",
    help="x.html: a report. With -m also x.png .svg .pdf .json .npz: the one picture or its numbers; a folder: "
    "everything.  [default with -m: pellucid-report.html]",
)
@click.option("--follow", metavar="SECONDS", type=click.FloatRange(min=0.1), help="Tell again so often, to the end.")
@guarded
def watch(screen: Screen, *, run: Path, methods: Sequence[str], out: str | None, follow: float | None) -> int:
    """Read, tell, and write what is wanted."""
    views, where = [over_a_run(one) for one in methods], None
    if methods or out is not None:
        where = destination(out, len(views))
    history, code = read_run(run), OK
    try:
        tell(screen, history, run)
        while follow is not None and history.state == "running":
            time.sleep(follow)
            history = read_run(run)
            if screen.pretty:
                screen.console.clear()
            tell(screen, history, run)
    except KeyboardInterrupt:
        if follow is None:
            raise
        screen.aside(Text("No longer followed; the training goes on.", "已停止跟踪；训练仍在继续。"))
        code = INTERRUPTED
    return code if where is None else write(screen, run, views, where) or code


def over_a_run(words: str) -> "View":
    """The view that is asked for.

    Raises:
        BadRequest: it looks at no run.
    """
    from pellucid.cli.asked import view_of
    from pellucid.lens.running import over_a_run as every

    made = view_of(words)
    if "run" not in made.spec.given:
        data = "data" in made.spec.required
        at, zh = ("a data set", "数据集") if data else ("an input", "输入")
        raise BadRequest(
            Text(f"{made.name} looks at {at}, not at a run.", f"{made.name} 观察的是{zh}，不是训练记录。"),
            asked_by=f"-m {words}",
            nearest=", ".join(one.name for one in every()),
            hint=f"pellucid sweep MODEL --data folder:DIR -m {words}"
            if data
            else f"pellucid see MODEL INPUT -m {words}",
        )
    return made


def destination(out: str | None, asked: int) -> "Destination":
    """Where it is written.

    Raises:
        BadRequest: it cannot be, or one picture is wanted and none named.
    """
    from pellucid.cli.destination import Destination

    if asked == 0 and not str(out).lower().endswith((".html", ".htm")):
        raise BadRequest(
            Text(
                f"'{out}' must end in .html, or -m must name a picture.", f"“{out}”须以 .html 结尾，或用 -m 指定图像。"
            ),
            asked_by=f"-o {out}",
            hint=f"-o report.html, or -m gradient_flow -o {out}",
        )
    return Destination.of(out, asked)


def write(screen: Screen, run: Path, views: "Sequence[View]", where: "Destination") -> int:
    """Write the report of everything, or the pictures that were asked for; the exit code."""
    from pellucid.cli.progress import working
    from pellucid.lens.run import Run

    opened, lang = Run.open(run), "zh" if screen.lang == "zh" else "en"
    drawing = Text("Drawing", "正在绘制")
    if not views:
        with working(screen, drawing):
            opened.save(where.path, lang=lang)
        screen.wrote([where.path])
        return OK
    seen = opened.see(*views)
    for failed in seen.failures:
        screen.missed(failed.describe(lang))
    if seen.results:
        with working(screen, drawing):
            written = where.write(seen, lang, seen.title)
        screen.wrote(written)
    return SOME_MISSING if seen.failures else OK


def tell(screen: Screen, history: History, run: Path) -> None:
    """The state of a run, whether it learns, its metrics, and what went wrong."""
    from pellucid.cli.course import STYLES, courses, standing, troubles, verdict

    screen.say(*standing(history))
    silence = time.time() - max((one.stat().st_mtime for one in parts(run)), default=time.time())
    if history.state == "running" and silence > SILENT:
        passed = timedelta(seconds=round(silence))
        screen.say(
            Text(f"No word for {passed}: does it hang?", f"已有 {passed} 没有新记录：是否卡住？"), STYLES["medium"]
        )
    screen.say(*verdict(history))
    headings = Text("metric", "指标"), Text("course: first → last", "变化：最初 → 最近")
    screen.table(courses(history, screen.lang), headings, width=14)
    for words, style in troubles(history):
        screen.say(words, style)
    for note in history.notes:
        screen.aside(note)
    measured = len(history.samples)
    screen.aside(Text(f"Layers were measured at {measured:,} steps.", f"有 {measured:,} 步测量了各层。"))
