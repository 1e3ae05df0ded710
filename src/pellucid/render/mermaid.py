"""A graph in the language of Mermaid, for pages that draw it: as it is drawn here, with the same frames open."""

import re
from collections.abc import Iterable, Iterator

from pellucid.render.collapse import Box, closed, collapse
from pellucid.results.graph import Graph

_PLAIN = re.compile(r"[^\w \-.,+×–…/()·]|[\u2028\u2029]")


def to_mermaid(result: Graph) -> bytes:
    """A `flowchart`: boxes `b0 b1 …`, frames `f0 f1 …` as subgraphs.

    It has the boxes of the picture, `drawn(depth=…, open=…)` included, since pages that draw Mermaid refuse more than
    some hundred links.
    """
    boxes, links = collapse(
        result.nodes,
        result.edges,
        result.folds,
        modules=result.modules,
        failed=result.failed,
        depth=result.depth,
        opened=result.open,
    )
    counter = iter(range(len(result.nodes) * 64))
    lines = ["flowchart TD", *_boxes(boxes, counter, 1), *(f"  b{a} --> b{b}" for a, b in links)]
    lines += [f"  style b{box.number} stroke:#b2182b,stroke-width:2px" for box in closed(boxes) if box.failed]
    return ("\n".join(lines) + "\n").encode(errors="backslashreplace")


def escaped(words: str) -> str:
    """Words that are nothing but words in a quoted label: everything else by its number."""
    return _PLAIN.sub(lambda found: f"#{ord(found[0])};", " ".join(words.split()))


def _boxes(boxes: Iterable[Box], counter: Iterator[int], depth: int) -> Iterator[str]:
    margin = "  " * depth
    for box in boxes:
        times = f" × {box.times:,}" if box.times > 1 else ""
        name = f"{box.name} – {box.last}" if box.times > 1 and box.last != box.name else box.name
        if box.inside:
            yield f'{margin}subgraph f{next(counter)}["{escaped(f"{name} {box.kind}".rstrip() + times)}"]'
            yield from _boxes(box.inside, counter, depth + 1)
            yield f"{margin}end"
            continue
        operation = box.operations[0] if len(box.members) == box.times and box.operations else ""
        shape = "×".join(map(str, box.shape))
        said = dict.fromkeys(part for part in (name + times, box.kind or operation, shape) if part)
        yield f'{margin}b{box.number}["{"<br>".join(map(escaped, said))}"]'
