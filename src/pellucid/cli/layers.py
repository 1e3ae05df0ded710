"""`pellucid layers`: what the places in a network are called."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from pellucid.cli.guard import EXIT_CODES, OK, guarded
from pellucid.cli.screen import Screen, shown
from pellucid.cli.trust import trusting
from pellucid.cli.typed import in_words_of_the_command
from pellucid.core.errors import BadInput
from pellucid.core.text import Text

_HELP = f"""List the places of MODEL that methods can look at, with kind, output shape and parameters.

With INPUT the model runs once, and you see functions (/relu.0) and shapes too, in the order in which they ran;
random:1x3x224x224 is enough. Any name in the list can stand after layer= in `pellucid see`.

\b
Examples:
    pellucid layers torchvision:resnet18 random:1x3x224x224
    pellucid layers net.py:Net --depth 1
    pellucid layers hf:smollm "The capital of France is"

{EXIT_CODES}"""


@click.command("layers", help=_HELP, short_help="List the places of a network.")
@click.argument("model")
@click.argument("inputs", metavar="[INPUT]...", nargs=-1)
@click.option("-w", "--weights", metavar="FILE", help="Weights, as for `pellucid see`.")
@click.option("--preprocess", metavar="NAME", help="From picture to tensor, as for `pellucid see`.")
@click.option("--depth", type=click.IntRange(1), help="Show only so many levels.")
@click.option("--seed", default=0, show_default=True, help="Of random input.")
@trusting
@guarded
def layers(
    screen: Screen,
    *,
    model: str,
    inputs: Sequence[str],
    weights: str | None,
    preprocess: str | None,
    depth: int | None,
    seed: int,
    trust_code: bool,
    unsafe_pickle: bool,
) -> int:
    """Open, run once where there is an input, print."""
    from pellucid.cli.source import input_of, lens_of

    lens = lens_of(model, weights, preprocess=preprocess, trust_code=trust_code, unsafe_pickle=unsafe_pickle)
    for note in lens.notes:
        screen.aside(note)
    try:
        given = input_of(inputs, seed, text=lens.tokenizer is not None, pictures=lens.preprocess is not None)
        rows = lens.layers(given).rows
    except BadInput as error:
        in_words_of_the_command(error, model, inputs, stated=lens.preprocess is not None)
        raise
    chosen = [row for row in rows if depth is None or level(row["address"]) <= depth]
    if screen.pretty:
        show_tree(screen, lens.name, chosen)
    else:
        screen.say("\n".join(lines(chosen)))
    parameters = sum(one.numel() for one in lens.model.parameters())
    screen.say(Text(f"{len(chosen)} places, {parameters:,} parameters", f"{len(chosen)} 个位置，{parameters:,} 个参数"))
    return OK


def level(address: str) -> int:
    """How deep a place lies: 1 for `conv1` and for `/relu.0` of the root."""
    path, _, op = address.partition("/")
    return len([part for part in path.split(".") if part]) + bool(op)


def facts(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Kind, shape and parameters as words."""
    shape = " x ".join(map(str, row["shape"])) if row["shape"] else ""
    return str(row["kind"]), shape, f"{row['parameters']:,}" if row["parameters"] else ""


def lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line per place, columns aligned."""
    cells = [(str(row["address"]) or '""', *facts(row)) for row in rows]
    widths = [max((len(cell[i]) for cell in cells), default=0) for i in range(3)]
    return [
        f"{address:<{widths[0]}}  {kind:<{widths[1]}}  {shape:<{widths[2]}}  {count}".rstrip()
        for address, kind, shape, count in cells
    ]


def show_tree(screen: Screen, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Modules as branches, functions as leaves."""
    from rich.text import Text as Line
    from rich.tree import Tree

    root = Tree(Line(shown(name), "bold"), guide_style="dim")
    branches: dict[str, Tree] = {"": root}
    known = {str(row["address"]): row for row in rows}

    def branch(path: str) -> Tree:
        if path not in branches:
            parent = branch(path.rpartition(".")[0])
            branches[path] = parent.add(_line(path, known.get(path)))
        return branches[path]

    for address, row in known.items():
        path, slash, _ = address.partition("/")
        if slash:
            branch(path).add(_line(address, row))
        elif address:
            branch(path)
    screen.console.print(root)


def _line(address: str, row: Mapping[str, Any] | None) -> Any:
    from rich.text import Text as Line

    kind, shape, count = facts(row) if row else ("", "", "")
    is_call = "/" in address
    return Line.assemble(
        (shown(address), "cyan" if is_call else "bold"),
        ("  " + kind, ""),
        ("  " + shape, "green"),
        ("  " + count, "dim"),
    )
