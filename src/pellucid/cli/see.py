"""`pellucid see`: look at an input through any number of visualizations."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.cells import cell_len

from pellucid.cli.computing import computing
from pellucid.cli.guard import EXIT_CODES, INTERRUPTED, MODEL_FAILED, OK, SOME_MISSING, guarded
from pellucid.cli.screen import Screen, helping
from pellucid.cli.trust import trusting
from pellucid.cli.typed import DREW, SHOWS, in_words_of_failures, in_words_of_the_command
from pellucid.core.errors import (
    Cancelled,
    ModelFailed,
    NotApplicable,
    PellucidError,
)
from pellucid.core.text import Text
from pellucid.results import Graph, Matrix
from pellucid.results.failure import Failure
from pellucid.results.spell import percent

FEW, SHORT = 5, 32  # predictions in one line; cells of a sentence that says little
_HELP = f"""Look at INPUT through MODEL, and write a report.

\b
MODEL  torchvision:resnet18  a network of torchvision, or timm:resnet18
       net.py:Net            a class or function of a file; its code runs
       package.module:Net    the same, of an installed package
       hf:DIR                a folder as transformers saves models
       model.onnx            operations and weights of an ONNX file
       model.pt2 model.pt    exported, TorchScript: with --trust-code
       weights.safetensors   weights alone: their tree and numbers
       demo                  a trained network that pellucid[demo] brings
\b
INPUT  cat.jpg               a picture; several pictures are one batch
       x.npy x.npz x.pt      tensors as the model takes them, with batch axis
       random:1x3x224x224    random numbers of that shape
       "some text"           for a model with a tokenizer; or a .txt file
       "a cat" "a dog" x.jpg texts beside a picture, for models as CLIP
       (none)                structure and weights, without looking

Without -m you get the tour: what is wrong, and one or two pictures of every family that applies. `pellucid methods`
lists all.

\b
Examples:
  pellucid see demo cat.jpg
  pellucid see torchvision:resnet18 cat.jpg -w resnet18.pth -t tabby
  pellucid see demo cat.jpg -m saliency -m "grad_cam:relu=false"
  pellucid see net.py:Net cat.jpg -w model.pth --preprocess cifar10
  pellucid see "net.py:Net(num_classes=10)" x.npy -w model.pth#ema
  pellucid see model.onnx
  pellucid see net.py:Net random:1x3x32x32 -m flow_graph -o graph.svg
  pellucid see hf:smollm "The capital of Italy is" -m saliency -t " Rome"
  pellucid see hf:smollm "The capital of Italy is" -m saliency -t generated:5

{EXIT_CODES}"""


@click.command("see", help=_HELP, short_help="Look at an input; write a report.")
@click.argument("model")
@click.argument("inputs", metavar="[INPUT]...", nargs=-1)
@click.option(
    "-m",
    "--method",
    "methods",
    multiple=True,
    metavar="METHOD[:NAME=VALUE,...]",
    help="A visualization with its settings; may be given several times. `pellucid methods METHOD` tells the settings.",
)
@click.option(
    "-t",
    "--target",
    "targets",
    multiple=True,
    metavar="CLASS",
    help="What to explain: a class as number or name, 'A>B' for why A rather than B, 'rival', 'like:cat.jpg', "
    "'box:10,20,90,80=dog', 'mask:dog.png=dog', 'unit:layer4,17'. Of a text: a token ' Paris', 'token: Paris@3' at a "
    "position, 'continuation: of several words' that stand in it, 'generated:5' for each of 5 tokens that the model "
    "goes on to write (or 'generated: these words'), 'like:another text'. "
    "Several times: a picture of each. Default: the predicted class.",
)
@click.option(
    "-w",
    "--weights",
    metavar="FILE",
    help="Weights: safetensors, an index of several files, or what torch.save wrote of a state_dict; FILE#KEY for one "
    "of several in it. DEFAULT: those of torchvision or timm, fetched.",
)
@click.option(
    "--preprocess",
    metavar="NAME",
    help="From picture to tensor: imagenet, cifar10, efficientnet_lite. Default: what the model's source states.",
)
@click.option("--labels", metavar="FILE", help="Class names: a text file with one a line, or a JSON list.")
@click.option(
    "-l",
    "--layer",
    "layers",
    multiple=True,
    metavar="NAME",
    help="Layer for all methods that look at one; those of the input (as saliency) stay there unless their own "
    "setting says otherwise. `pellucid layers MODEL` lists the names.",
)
@click.option(
    "-o",
    "--output",
    "out",
    metavar="PATH",
    help="x.html: a report. x.png .svg .pdf .json .npz: the one picture or its numbers. A folder: everything.  "
    "[default: pellucid-report.html]",
)
@click.option(
    "--run",
    metavar="FOLDER",
    help="A training, as lens.watch(folder=...) stored it: the report shows how it went, the tour checks it.",
)
@computing
@trusting
@guarded
def see(
    screen: Screen,
    *,
    model: str,
    inputs: Sequence[str],
    methods: Sequence[str],
    targets: Sequence[str],
    labels: str | None,
    layers: Sequence[str],
    out: str | None,
    run: str | None,
    seed: int,
    batch_size: int | None,
    **stated: Any,
) -> int:
    """Open, look, tell, write."""
    from pellucid.cli.alone import refuse_nothing, with_tree
    from pellucid.cli.asked import view_of
    from pellucid.cli.destination import Destination
    from pellucid.cli.diagnose import examined, tell_in_short
    from pellucid.cli.interrupt import looking
    from pellucid.cli.progress import working
    from pellucid.cli.source import lens_of
    from pellucid.cli.targets import target_of
    from pellucid.lens.run import Run
    from pellucid.lens.tour import tour

    views = [view_of(one, tuple(layers)) for one in methods]
    where = Destination.of(out, len(views) or len(tour()))
    also = [] if run is None else [Run.open(run)]
    lens = lens_of(model, labels=labels, **stated)
    for note in lens.notes:
        screen.aside(note)
    x, views = given_of(screen, lens, model, inputs, views, layers, seed)
    target = target_of(targets, lens.labels, text=lens.tokenizer is not None)
    with looking(screen) as (stop, watch):
        how = {"target": target, "seed": seed, "batch_size": batch_size, "progress": watch}
        seen = look(lens, x, views, how, model, inputs, layers)
        found = [] if methods or stop.asked else examined(lens, x if inputs else None, run, seed, watch)
    seen = seen if methods else without_refusals(with_tree(lens, model, seen))
    refuse_nothing(seen, model)
    if labels and unnamed(seen.results):
        screen.aside(other_count(labels, len(lens.labels)))
    tell(screen, seen)
    tell_in_short(screen, found)
    if seen.results:
        lang = "zh" if screen.lang == "zh" else "en"
        with working(screen, Text("Drawing", "正在绘制")):
            written = where.write(seen, lang, title_of(lens.name, inputs), [*found, *also])
        screen.wrote(written)
    return INTERRUPTED if stop.asked else outcome(screen, seen)


def look(
    lens: Any,
    x: Any,
    views: Sequence[Any],
    how: Mapping[str, Any],
    model: str,
    inputs: Sequence[str],
    layers: Sequence[str],
) -> Any:
    """What the views give, failures in words of the command.

    Raises:
        PellucidError: what cannot be done, in words of the command.
    """
    from pellucid.cli.asked import exist

    try:
        exist(layers, lens.model)
        seen = lens.see(x, *views, **how)
    except PellucidError as error:
        in_words_of_the_command(error, model, inputs, stated=lens.preprocess is not None)
        raise
    in_words_of_failures(seen, model, inputs)
    return seen


def given_of(
    screen: Screen, lens: Any, model: str, inputs: Sequence[str], views: list[Any], layers: Sequence[str], seed: int
) -> tuple[Any, list[Any]]:
    """What is looked at, and through which views: those that were asked for, else the tour of it."""
    from pellucid.cli.alone import GRAPH, refuse_input, standing
    from pellucid.cli.source import input_of

    text, asked = lens.tokenizer is not None, bool(views)
    x = input_of(inputs, seed, text=text, pictures=lens.preprocess is not None)
    views = views or stops(layers, text=text and lens.preprocess is None, bare=not inputs)
    if inputs or (asked and any(one.spec.needs_input for one in views)):
        refuse_input(lens, model)
    if not inputs and not any(one.spec.needs_input and one.name != GRAPH for one in views):
        x, made, lacking = standing(lens, views)
        views = views if asked and x is None else made
        if lacking and not asked:
            screen.aside(lacking)
    return x, views


def stops(layers: Sequence[str], *, text: bool, bare: bool) -> list[Any]:
    """The views of the tour: of a text, or of the model alone."""
    from pellucid.cli.alone import GRAPH
    from pellucid.cli.asked import with_layers
    from pellucid.lens.tour import tour

    views = [one.spec(**with_layers(one.spec, dict(one.changed), tuple(layers))) for one in tour(text=text)]
    return [view for view in views if not bare or not view.spec.needs_input or view.name == GRAPH]


def title_of(name: str, inputs: Sequence[str]) -> str:
    """The title of the report."""
    return f"{name}: {', '.join(one.rpartition('/')[2] for one in inputs[:3])}" if inputs else name


def without_refusals(seen: Any) -> Any:
    """The tour leaves out what the network cannot give; where the model raised, the flow graph tells it for all."""
    left_out = NotApplicable if broken_graph(seen) is None else NotApplicable | ModelFailed
    pairs = zip(seen.asked, seen.given, strict=True)
    kept = [(view, one) for view, one in pairs if not (isinstance(one, Failure) and isinstance(one.error, left_out))]
    return type(seen)([view for view, _ in kept], [one for _, one in kept], seen.cost, seen.title)


def broken_graph(seen: Any) -> Graph | None:
    """The flow graph up to the place at which the model raised."""
    return next((one for one in seen.results if isinstance(one, Graph) and one.failed is not None), None)


def unnamed(results: Sequence[Any]) -> bool:
    """Whether a class goes by its number."""
    return any(info.index and info.label == f"class {info.index[-1]}" for one in results for info in one.targets)


def other_count(path: str, count: int) -> Text:
    """Why the names of a file are not used."""
    return Text(
        f"'{path}' holds {count} class names and the output has another number of classes: they go by their numbers.",
        f"“{path}”含 {count} 个类别名，与输出的类别数不符：类别以编号显示。",
    )


def tell(screen: Screen, seen: Any) -> None:
    """What was made, what it says, and what it cost."""
    guess = predictions(seen.results, screen.lang)
    if guess:
        rest = len(guess) - FEW
        en = f", and {rest} more" if rest > 0 else ""
        zh = f"，另有 {rest} 个" if rest > 0 else ""
        screen.say(Text(f"Predicted: {', '.join(guess[:FEW])}{en}", f"预测：{'、'.join(guess[:FEW])}{zh}"), "bold")
    rows = [(name_of(one, screen.lang), opening_words(one.describe(screen.lang))) for one in seen.results]
    screen.table(rows, (Text("picture", "图像"), Text("what it says", "内容")))
    for reason in dict.fromkeys(one.reason for one in seen.failures):
        same = [one for one in seen.failures if one.reason == reason]
        names = dict.fromkeys(one.method for one in same)
        en, zh = f"Not made: {', '.join(names)}: {reason}", f"未能生成：{'、'.join(names)}：{same[0].why('zh')}"
        screen.missed(Text(en, zh))
        error = same[0].error
        for name, words in error.helps(screen.lang) if isinstance(error, PellucidError) else ():
            screen.missed(helping(name, words))
    screen.counted(len(seen.results), seen.cost.forwards, seen.cost.backwards, seen.cost.seconds)


def predictions(results: Sequence[Any], lang: str) -> list[str]:
    """The predicted class of each example with its probability, as the result that tells most of them tells it."""
    told = [
        [
            f"{info.words.say(lang)} ({percent(info.probability)})"
            for info in result.targets
            if info.chosen == "predicted" and info.unit != "loss" and info.probability is not None
        ]
        for result in results
    ]
    return max(told, key=len, default=[])


def name_of(result: Any, lang: str = "en") -> str:
    """`grad_cam layer4`."""
    made = result.provenance
    words = [made.method if made else result.kind, result.layer]
    asked = list(dict.fromkeys(one.words.say(lang) for one in result.targets if one.chosen != "predicted"))
    rest = Text(f", and {len(asked) - 1} more", f"，另有 {len(asked) - 1} 个")
    more = rest.say(lang) if len(asked) > 1 and isinstance(result, Matrix) else ""
    return " ".join([*(word for word in words if word), *(f"({one}{more})" for one in asked[:1])])


def first_sentence(words: str) -> str:
    """Up to the first full stop that ends a sentence."""
    return re.split(r"(?<=[.!?])\s+(?=[A-Z0-9“])|(?<=[。！？])", words, maxsplit=1)[0].strip()


def opening_words(words: str) -> str:
    """The first sentence, and the second where the first is only a count."""
    first = first_sentence(words)
    if cell_len(first) > SHORT:
        return first
    rest = words[len(first) :].lstrip()
    joint = words[len(first) :][: len(words) - len(first) - len(rest)]
    return f"{first}{joint}{first_sentence(rest)}"


def outcome(screen: Screen, seen: Any) -> int:
    """The exit code, with a word about what went wrong."""
    broken = broken_graph(seen)
    raised = next((one.error for one in seen.failures if isinstance(one.error, ModelFailed)), None)
    if raised is not None:
        raised.what, raised.hint = raised.words.changed(capital), DREW if broken else SHOWS
        screen.failed(raised)
    elif broken is not None:
        site = next(node["site"] for node in broken.nodes if node["id"] == broken.failed)
        raising = next((one.en.partition(": ")[2] for one in broken.notes if one.en.startswith("The model raised")), "")
        said = Text(f"The model raised at '{site}': {raising}", f"模型在 '{site}' 处引发 {raising}")
        screen.failed(ModelFailed(said, hint=DREW))
    if raised is not None or broken is not None:
        return MODEL_FAILED
    return SOME_MISSING if [one for one in seen.failures if not isinstance(one.error, Cancelled)] else OK


def capital(words: str) -> str:
    """A sentence."""
    return words[:1].upper() + words[1:]
