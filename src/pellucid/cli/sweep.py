"""`pellucid sweep`: send a data set through a model, and see what it has learned."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from pellucid.cli.computing import computing
from pellucid.cli.guard import EXIT_CODES, INTERRUPTED, OK, SOME_MISSING, guarded
from pellucid.cli.screen import Screen
from pellucid.cli.see import tell
from pellucid.cli.trust import trusting
from pellucid.core.errors import BadInput, BadRequest, Cancelled, LayerNotFound, ModelFailed, PellucidError
from pellucid.core.text import Text
from pellucid.results.spell import percent

if TYPE_CHECKING:
    from pellucid.inputs.data.data import Data
    from pellucid.lens.lens import Lens
    from pellucid.lens.views import Views
    from pellucid.registry import View

Samples = tuple[int, int]  # done, and all
MOST_LEFT_OUT = 0.01
TOLD = 5
USUAL = "top_regions"
DOING = Text("Sweeping", "正在遍历")
PREPROCESS = Text(
    "--preprocess imagenet (or cifar10, efficientnet_lite), or npy:FILE of what the model takes",
    "--preprocess imagenet（或 cifar10、efficientnet_lite），或由模型所用的数组组成的 npy:FILE",
)
_OPTION_OF = {
    "gathered": "what is gathered (-m, -l)",
    "batch size": "batch size (--batch-size)",
    "data": "data (--data)",
    "weights": "weights (-w)",
}
_HELP = f"""Send a data set through MODEL once, and write a report of what it has learned.

\b
MODEL   as in `pellucid see`
--data  folder:DIR            pictures; folders in it are classes
        list:FILE.csv         a row each: path,label or text,label (or .jsonl)
        npy:FILE npz:FILE#KEY an array, a row each
        cifar10:DIR#test      the release for Python; cifar100:DIR#test
        hf:DIR#SPLIT          a saved Hugging Face data set
        text:FILE             a line each
        noise:N, noise:N#3x32x32   white noise of the shape that MODEL takes
        file.py:factory       a Dataset of yours; its code runs
        py:module:factory     the same, of an installed package

Without -m you get {USUAL}. `pellucid methods` lists all; those that need a data set belong here.

A sample that cannot be read is left out, counted, and listed in the report. With --folder, what is gathered is stored
as the sweep goes on: Ctrl-C or a crash loses little, and --resume goes on, to the same bytes.

\b
Examples:
  pellucid sweep demo --data folder:photos
  pellucid sweep demo --data folder:photos -m codebook:codes=12 -m embedding
  pellucid sweep net.py:Net --data cifar10:data#test -w net.pth --folder run
  pellucid sweep hf:bert --data text:lines.txt -l encoder.layer.3
  pellucid sweep net.py:Net --data net.py:validation -o learned.html

{EXIT_CODES}
1 is also the code where more than {MOST_LEFT_OUT:.0%} of the samples were left out."""


@click.command("sweep", help=_HELP, short_help="Send a data set through; see what is learned.")
@click.argument("model")
@click.option("-d", "--data", required=True, metavar="DATA", help="The data set, as above.")
@click.option(
    "-m",
    "--method",
    "methods",
    multiple=True,
    metavar="METHOD[:NAME=VALUE,...]",
    help=f"A visualization over data with its settings; may be given several times.  [default: {USUAL}]",
)
@click.option("-w", "--weights", metavar="FILE", help="Weights: safetensors, or what torch.save wrote of a state_dict.")
@click.option(
    "--preprocess",
    metavar="NAME",
    help="From picture to tensor: imagenet, cifar10, efficientnet_lite. Default: what the model's source states.",
)
@click.option("--labels", metavar="FILE", help="Class names of the model: a text file with one a line, or a JSON list.")
@click.option("-l", "--layer", "layers", multiple=True, metavar="NAME", help="Layer for all methods.")
@click.option("--folder", metavar="DIR", help="Store what is gathered there, so that it can be gone on with.")
@click.option("--resume", is_flag=True, help="Go on with what the folder holds.")
@click.option(
    "--on-bad",
    type=click.Choice(["skip", "fail"]),
    default="skip",
    show_default=True,
    help="A sample that cannot be read is left out and listed, or ends the sweep.",
)
@click.option("--follow-symlinks", is_flag=True, help="Of folders: follow links that lead out.")
@click.option("--allow-absolute", is_flag=True, help="Of lists: let paths lead out of the list's folder.")
@click.option("--max-pixels", type=click.IntRange(1), help="Larger pictures are refused.  [default: 50000000]")
@click.option(
    "-o",
    "--output",
    "out",
    metavar="PATH",
    help="x.html: a report. x.png .svg .pdf: the pictures. x.json .npz .safetensors: their numbers. A folder: "
    "everything.  "
    "[default: pellucid-report.html]",
)
@computing
@trusting
@guarded
def sweep(
    screen: Screen,
    *,
    model: str,
    data: str,
    methods: Sequence[str],
    layers: Sequence[str],
    folder: str | None,
    resume: bool,
    on_bad: str,
    follow_symlinks: bool,
    allow_absolute: bool,
    max_pixels: int | None,
    out: str | None,
    seed: int,
    batch_size: int | None,
    **stated: Any,
) -> int:
    """Open, sweep, tell, write."""
    from pellucid.cli.destination import Destination
    from pellucid.cli.progress import working

    views = [over_data(one, tuple(layers), f"pellucid see {model} INPUT") for one in methods or (USUAL,)]
    where = Destination.of(out, len(views))
    check_folder(screen, folder, resume=resume)
    how = {"follow_symlinks": follow_symlinks, "allow_absolute": allow_absolute, "max_pixels": max_pixels}
    lens, source = opened(screen, model, data, stated, {name: value for name, value in how.items() if value})
    settings = {"batch_size": batch_size, "folder": folder, "resume": resume, "on_bad": on_bad, "seed": seed}
    try:
        seen, stopped = swept(screen, lens, source, views, settings)
    except PellucidError as error:
        in_words_of_the_command(error, model, data, lens)
        raise
    for one in seen.failures:
        if isinstance(one.error, PellucidError):
            one.error.hint = one.error.advice.changed(lambda hint: typed(hint, model))
    tell(screen, seen)
    missed = left_out(screen, seen.results)
    if seen.results:
        with working(screen, Text("Drawing", "正在绘制")):
            written = where.write(seen, "zh" if screen.lang == "zh" else "en", f"{lens.name}: {source.said}")
        screen.wrote(written)
    if stopped is not None:
        if any(isinstance(one.error, Cancelled) for one in seen.failures):
            go_on(screen, folder, stopped)
        return INTERRUPTED
    return SOME_MISSING if seen.failures or missed > (0 if on_bad == "fail" else MOST_LEFT_OUT) else OK


def opened(
    screen: Screen, model: str, data: str, stated: Mapping[str, Any], how: Mapping[str, Any]
) -> "tuple[Lens, Data]":
    """The lens and the data set; whose code ran is told, and stands under every picture."""
    from pellucid.cli.data import data_of
    from pellucid.cli.source import lens_of

    source, notes = data_of(data, **how)
    lens = lens_of(model, **stated)
    lens.notes = (*lens.notes, *notes)
    for note in lens.notes:
        screen.aside(note)
    return lens, source


def swept(
    screen: Screen, lens: "Lens", source: "Data", views: "Sequence[View]", settings: Mapping[str, Any]
) -> "tuple[Views, Samples | None]":
    """What was seen; and, where Ctrl-C stopped it, how many samples were done and how many there are."""
    from pellucid.cli.interrupt import looking

    done, folder = (0, len(source)), settings["folder"]

    def told(at: Any) -> None:
        nonlocal done
        done = at.samples or done
        watch(at)

    with looking(screen, DOING, stopping(folder)) as (stop, watch):
        try:
            seen = lens.sweep(source, *views, **settings, progress=told)
        except KeyboardInterrupt:
            go_on(screen, folder, done)
            raise
    return seen, done if stop.asked else None


def over_data(words: str, layers: tuple[str, ...], otherwise: str) -> "View":
    """The view that is asked for.

    Raises:
        BadRequest: it looks at an input.
    """
    from pellucid.cli.asked import view_of

    made = view_of(words, layers)
    if "data" not in made.spec.given:
        raise BadRequest(
            Text(f"{made.name} looks at an input, not at a data set.", f"{made.name} 查看的是输入，不是数据集。"),
            asked_by=f"-m {words}",
            hint=f"{otherwise} -m {words}",
        )
    return made


def check_folder(screen: Screen, folder: str | None, *, resume: bool) -> None:
    """Refuse what cannot be gone on with, before anything is opened.

    Raises:
        BadRequest: nothing to go on with is named, or the folder holds a sweep and going on is not asked for.
    """
    if folder is None:
        if resume:
            raise BadRequest(
                Text("There is nothing to go on with.", "没有可继续的内容。"),
                asked_by="--resume",
                hint="--folder DIR --resume",
            )
        return
    begun = any(Path(folder).glob("sweep_*/plan.json"))
    if begun and not resume:
        raise BadRequest(
            Text(f"'{folder}' holds a sweep already.", f"'{folder}' 中已有一次遍历。"),
            asked_by=f"--folder {folder}",
            hint=Text(
                "--resume goes on with it; another folder begins anew", "--resume 可继续；换一个文件夹则从头开始"
            ),
        )
    if resume and not begun:
        screen.aside(
            Text(
                f"'{folder}' holds no sweep to go on with: it begins here.",
                f"“{folder}”中没有可继续的遍历：从头开始。",
            )
        )


def stopping(folder: str | None) -> Text:
    """What the first Ctrl-C answers."""
    if folder is None:
        return Text(
            "Stopping after this batch; nothing is kept, since no --folder was given. Ctrl-C again stops at once.",
            "本批次结束后停止；未指定 --folder，不保留任何内容。再按一次 Ctrl-C 立即停止。",
        )
    return Text(
        f"Stopping after this batch; what there is will be stored in '{folder}'. Ctrl-C again stops at once.",
        f"本批次结束后停止，已有内容存入“{folder}”。再按一次 Ctrl-C 立即停止。",
    )


def go_on(screen: Screen, folder: str | None, samples: Samples) -> None:
    """After an interrupt: what is kept, and the line that goes on."""
    done, every = samples
    if folder is None:
        said = Text(
            f"Stopped after {done:,} of {every:,} samples; nothing was kept. --folder DIR stores what is gathered.",
            f"共 {every:,} 个样本，完成 {done:,} 个后停止；没有保留任何内容。--folder DIR 可存储已收集的内容。",
        )
        screen.missed(said)
        return
    screen.missed(
        Text(
            f"Stopped after {done:,} of {every:,} samples; '{folder}' holds them. To go on:",
            f"共 {every:,} 个样本，完成 {done:,} 个后停止，已存入“{folder}”。继续：",
        )
    )
    screen.missed(f"  {again(click.get_current_context())}")


def again(context: click.Context) -> str:
    """The command line as it was typed, with `--resume`."""
    words = context.command_path.split()
    for one in context.command.params:
        name = one.name or ""
        if name == "resume" or context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        value = context.params[name]
        values = value if isinstance(value, (tuple, list)) else (value,)
        option = max(one.opts, key=len)
        if isinstance(one, click.Argument):
            words += map(str, values)
        elif isinstance(one, click.Option) and one.is_flag:
            words += [option] if value else []
        else:
            words += [word for each in values for word in (option, str(each))]
    return shlex.join([*words, "--resume"])


def in_words_of_the_command(error: PellucidError, model: str, data: str, lens: Any) -> None:
    """What to try, as it is typed here rather than in Python."""
    from pellucid.cli.data import in_options
    from pellucid.cli.typed import NO_READER

    said = f"{error.what} {error.hint}"
    if isinstance(error, ModelFailed):
        error.asked_by = f"--data {data}"
        error.hint = Text(
            f"pellucid see {model} with one of these samples shows where; --debug the traceback",
            f"用其中一个样本运行 pellucid see {model} 可看到位置；--debug 显示错误回溯",
        )
    elif isinstance(error, LayerNotFound):
        error.hint = f"pellucid layers {model}"
    elif isinstance(error, BadInput):
        error.asked_by = f"--data {data}"
        if lens.tokenizer is None and ("tokenizer" in said or data.startswith("text:") or data.endswith(".txt")):
            error.what = Text(
                "Texts need the model's tokenizer, and none is stated.", "文本需要模型的分词器，而没有声明分词器。"
            )
            error.hint = NO_READER
        elif "preprocess" in said and lens.preprocess is None:
            error.hint = PREPROCESS
    error.what = error.words.changed(_differing)
    error.hint = error.advice.changed(
        lambda hint: in_options(
            hint.replace('on_bad="skip"', "--on-bad skip")
            .replace("resume=True", "--resume")
            .replace("resume with", "--resume with")
        )
    )


def typed(hint: str, model: str) -> str:
    """A hint that asks for a layer, as it is typed here."""
    named = hint.replace("name a layer;", "-l NAME;").replace("请指定一个层；", "-l NAME；")
    return named.replace("lens.layers()", f"pellucid layers {model}")


def _differing(what: str) -> str:
    """What differs from the plan of a folder, with the option that says it; shards only where nothing else does."""
    head, other, rest = what.partition(" is another one: ")
    if not other:
        return what
    named = rest.removesuffix(" differ").split(", ")
    told = [_OPTION_OF.get(one, one) for one in named if one != "shard" or len(named) == 1]
    return f"{head}{other}{', '.join(told)} {'differs' if len(told) == 1 else 'differ'}"


def left_out(screen: Screen, results: Sequence[Any]) -> float:
    """Tell which samples are missing from the pictures; their share."""
    facts = next((one.facts for one in results if "data" in one.facts), None)
    if facts is None:
        return 0.0
    read, every = facts["data"]["read"], facts["data"]["samples"]
    missing: Sequence[tuple[str, str]] = facts["data"]["left out"]
    if not missing:
        screen.say(Text(f"All {every:,} samples went through.", f"全部 {every:,} 个样本均已通过。"))
        return 0.0
    share, were = len(missing) / every, "was" if len(missing) == 1 else "were"
    screen.missed(
        Text(
            f"{read:,} of {every:,} samples went through; {len(missing):,} ({percent(share)}) {were} left out:",
            f"共 {every:,} 个样本，通过 {read:,} 个，略去 {len(missing):,} 个（{percent(share)}）：",
        )
    )
    for name, why in missing[:TOLD]:
        screen.missed(f"  {name}: {why}")
    if len(missing) > TOLD:
        rest = len(missing) - TOLD
        screen.missed(Text(f"  and {rest:,} more, listed in the report", f"  另有 {rest:,} 个，见报告"))
    return share
