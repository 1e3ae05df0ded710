"""`pellucid compare`: models, checkpoints or runs side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from pellucid.cli.computing import computing
from pellucid.cli.guard import EXIT_CODES, OK, SOME_MISSING, guarded
from pellucid.cli.screen import Screen
from pellucid.cli.trust import trusting
from pellucid.core.errors import BadRequest
from pellucid.core.text import Text

DOING = Text("Comparing", "正在比较")
_HELP = f"""Compare each of MODELs with the first, and write a report: which layers differ,
where decisions part, the same pictures of each on one scale.

\b
MODEL   as in `pellucid see`; MODEL@FILE takes its weights from FILE.
        Or folders of runs (lens.watch(folder=...)): curves side by side.
-i      a picture or text, or a batch: random:8x3x32x32, x.npy
--data  as in `pellucid sweep`; goes once through each of them

Without -i and --data, names, shapes and weights are compared.

\b
Examples:
  pellucid compare demo timm:tf_efficientnet_lite0@lite0.pth -i cat.jpg
  pellucid compare net.py:Net@a.pth net.py:Net@b.pth --data folder:photos
  pellucid compare runs/first runs/second

{EXIT_CODES}"""


@click.command("compare", help=_HELP, short_help="Put models or trainings side by side.")
@click.argument("models", metavar="MODEL MODEL...", nargs=-1, required=True)
@click.option("-i", "--input", "inputs", metavar="INPUT", multiple=True, help="What all of them look at.")
@click.option("-d", "--data", metavar="DATA", help="A data set, as in `pellucid sweep`.")
@click.option(
    "-m",
    "--method",
    "methods",
    multiple=True,
    metavar="METHOD[:NAME=VALUE,...]",
    help="A picture to make of INPUT; may be given several times.  [default: grad_cam, saliency]",
)
@click.option("-t", "--target", "targets", multiple=True, metavar="CLASS", help="As in `pellucid see`.")
@click.option("-n", "--name", "names", multiple=True, metavar="NAME", help="What to call them, once for each MODEL.")
@click.option("--preprocess", metavar="NAME", help="From picture to tensor, for all: imagenet, cifar10, ...")
@click.option("--labels", metavar="FILE", help="Class names, for all: one a line, or a JSON list.")
@click.option("-o", "--output", "out", metavar="FILE", help="The report.  [default: pellucid-compare.html]")
@click.option("--samples", type=click.IntRange(4), default=512, show_default=True, help="By which layers are compared.")
@click.option("--findings/--no-findings", default=True, help="Also look for what is wrong with each.  [default: yes]")
@computing
@trusting
@guarded
def compare(
    screen: Screen,
    *,
    models: Sequence[str],
    inputs: Sequence[str],
    data: str | None,
    methods: Sequence[str],
    targets: Sequence[str],
    names: Sequence[str],
    out: str | None,
    samples: int,
    findings: bool,
    seed: int,
    batch_size: int | None,
    **stated: Any,
) -> int:
    """Open, compare, tell, write."""
    path = Path(out or "pellucid-compare.html")
    _check(models, path)
    from pellucid.cli.interrupt import looking
    from pellucid.lens.comparing.compare import compare as compared

    if any(_is_run(one) for one in models):
        _only_runs(models, inputs, data, methods, targets)
        from pellucid.lens.run import Run

        found = compared(*(Run.open(one) for one in models), names=names or _called(models))
    else:
        opened = [_opened(one, stated) for one in models]
        for note in dict.fromkeys(note for lens in opened for note in lens.notes):
            screen.aside(note)
        settings = _settings(screen, opened, inputs, data, methods, targets, seed)
        with looking(screen, DOING) as (_, watch):
            found = compared(
                *opened,
                **settings,
                names=names or None,
                samples=samples,
                batch_size=batch_size,
                findings=findings,
                seed=seed,
                progress=watch,
            )
    for words in found.said:
        screen.say(words)
    for failed in found.failures:
        screen.missed(failed.describe("zh" if screen.lang == "zh" else "en"))
    found.save(path, lang="zh" if screen.lang == "zh" else "en")
    screen.wrote([path])
    return SOME_MISSING if found.failures and methods else OK


def _check(models: Sequence[str], path: Path) -> None:
    """Refuse a single model, and a report that is no page.

    Raises:
        BadRequest: it is that.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise BadRequest(
            Text(f"'{path}' must end in .html", f"'{path}' 须以 .html 结尾"),
            asked_by=f"-o {path}",
            hint="-o comparison.html",
        )
    if len(models) < 2:
        raise BadRequest(
            Text("A comparison needs at least two models.", "至少要有两个模型才能比较。"),
            asked_by=models[0],
            hint="MODEL MODEL",
        )


def _is_run(words: str) -> bool:
    from pellucid.engine.monitor.log import MANIFEST

    return (Path(words) / MANIFEST).is_file()


def _only_runs(
    models: Sequence[str], inputs: Sequence[str], data: str | None, methods: Sequence[str], targets: Sequence[str]
) -> None:
    """Refuse what is no run beside runs, and what runs have no use for.

    Raises:
        BadRequest: one is no run, or an option is given that only models take.
    """
    run = next(one for one in models if _is_run(one))
    other = next((one for one in models if not _is_run(one)), None)
    if other is not None:
        raise BadRequest(
            Text(
                f"'{run}' is a run and '{other}' holds none: runs are compared with runs.",
                f"'{run}' 是训练记录，'{other}' 不是：训练只与训练比较。",
            ),
            asked_by=other,
            hint=Text("the folder that was given to lens.watch(folder=...)", "传给 lens.watch(folder=...) 的文件夹"),
        )
    given = {"-i": inputs, "--data": data, "-m": methods, "-t": targets}
    unused = next((name for name, one in given.items() if one), None)
    if unused is not None:
        raise BadRequest(
            Text(
                f"{unused} is for models: of runs, what they logged is compared.",
                f"{unused} 仅用于模型：训练只比较其记录。",
            ),
            asked_by=unused,
        )


def _called(models: Sequence[str]) -> list[str] | None:
    """Names of the folders, where they differ."""
    names = [Path(one).name for one in models]
    return names if len(set(names)) == len(names) else list(models) if len(set(models)) == len(models) else None


def _opened(words: str, stated: dict[str, Any]) -> Any:
    """The lens that `MODEL` or `MODEL@FILE` names."""
    from pellucid.cli.source import lens_of

    model, _, weights = words.rpartition("@") if "@" in words and not Path(words).exists() else (words, "", "")
    lens = lens_of(model, weights or None, **stated)
    if weights:
        lens.name = f"{lens.name} {Path(weights).stem}"
    return lens


def _settings(
    screen: Screen,
    lenses: Sequence[Any],
    inputs: Sequence[str],
    data: str | None,
    methods: Sequence[str],
    targets: Sequence[str],
    seed: int,
) -> dict[str, Any]:
    """What `compare` of the library takes."""
    from pellucid.cli.asked import view_of
    from pellucid.cli.data import data_of
    from pellucid.cli.source import input_of
    from pellucid.cli.targets import target_of

    if methods and not inputs:
        raise BadRequest(
            Text("Pictures need an input.", "画图需要输入。"), asked_by=f"-m {methods[0]}", hint="-i cat.jpg"
        )
    lens, source = lenses[0], None
    if data is not None:
        source, notes = data_of(data)
        for note in notes:
            screen.aside(note)
        for one in lenses:
            one.notes = (*one.notes, *notes)
    text = lens.tokenizer is not None
    return {
        "x": input_of(inputs, seed, text=text, pictures=lens.preprocess is not None),
        "data": source,
        "views": [view_of(one, ()) for one in methods] or None,
        "target": target_of(targets, lens.labels, text=text),
    }
