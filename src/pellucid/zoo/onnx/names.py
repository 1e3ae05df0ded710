"""What the parts of an ONNX file are called once they are modules: by their weights, else by their scope."""

import ast
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from torch import fx, nn

_WEIGHT = re.compile(r"(.+)\.(weight|bias|running_mean|kernel|gamma|scale)$")
_TAKEN = {*dir(fx.GraphModule), *vars(nn.Module())}
_SCOPES = "pkg.torch.onnx.name_scopes"


def paths_of(nodes: Sequence[Any], initializers: set[str]) -> list[str]:
    """A path for each node, no two the same and none the folder of another.

    A node that reads `layer1.0.conv1.weight` is called `layer1.0.conv1`; any other one after the module in which its
    exporter says that it ran, with the name of the operation where that module ran several.

    Args:
        nodes: of the graph, in their order.
        initializers: names of the weights.
    """
    owners = [_owner(node, initializers) for node in nodes]
    scopes = [owner or _scope(node) for owner, node in zip(owners, nodes, strict=True)]
    ran = Counter(scopes)
    folders = {scope[:at] for scope in scopes for at, letter in enumerate(scope) if letter == "."}
    wanted = [
        scope if scope and scope not in folders and (ran[scope] == 1 or owner) else _inside(scope, node.op_type)
        for scope, owner, node in zip(scopes, owners, nodes, strict=True)
    ]
    folders |= {path[:at] for path in wanted for at, letter in enumerate(path) if letter == "."}
    named = zip(wanted, nodes, strict=True)
    return _unique([f"{path}.{plain(node.op_type)}" if path in folders else path for path, node in named])


def plain(name: str) -> str:
    """A dotted name with nothing but letters, digits and underscores between dots, none a word of torch's modules."""
    parts = (re.sub(r"\W+", "_", part) or "_" for part in name.split("."))
    return ".".join(f"{part}_" if part in _TAKEN else part for part in parts)


def _owner(node: Any, initializers: set[str]) -> str:
    """The module whose weights the node reads, where the file kept their names."""
    read = [found for name in node.input if name in initializers and (found := _WEIGHT.fullmatch(name))]
    return plain(read[0][1]) if read and node.op_type not in ("Identity", "Cast", "Reshape", "Transpose") else ""


def _scope(node: Any) -> str:
    told = next((one.value for one in node.metadata_props if one.key == _SCOPES), "")
    if told:
        try:
            parts = [str(one) for one in ast.literal_eval(told)][:-1]
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            parts = []
        return plain(parts[-1]) if parts and parts[-1] else ""
    if not node.name.startswith("/"):
        return ""
    path, last = "", ""
    for part in node.name.split("/")[1:-1]:
        inner = part.removeprefix(f"{last}.") if last and part.startswith(f"{last}.") else part
        path, last = f"{path}.{inner}" if path else inner, part
    return plain(path) if path else ""


def _inside(scope: str, operation: str) -> str:
    return f"{scope}.{plain(operation)}" if scope else plain(operation)


def _unique(paths: Sequence[str]) -> list[str]:
    seen: Counter[str] = Counter()
    taken, made = set(paths), list[str]()
    for path in paths:
        name = path
        while seen[path] and name in taken:
            name = f"{path}_{seen[path]}"
            seen[path] += 1
        seen[path] += seen[path] == 0
        taken.add(name)
        made.append(name)
    return made
