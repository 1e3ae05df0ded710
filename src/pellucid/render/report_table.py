"""The numbers behind a picture as a table of HTML, for who cannot see it or wants to copy them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.core.messages import message
from pellucid.core.text import Text, say
from pellucid.render.escape import html
from pellucid.render.report_words import phrase
from pellucid.results import Graph, Points, Result, Series, Table, spell
from pellucid.results.quantities import QUANTITIES, Quantity, known

MOST = 200


def numbers(result: Result, lang: str) -> str:
    """A folded table, with those beside it; empty for kinds whose numbers are too many to read."""
    tables = [
        made for one in (result, *(result.beside if isinstance(result, Table) else ())) if (made := _table(one, lang))
    ]
    if not tables:
        return ""
    return f"<details><summary>{html(phrase('numbers', lang))}</summary>{''.join(tables)}</details>"


def listed(head: Sequence[str], rows: Sequence[Sequence[Any]], summary: str, lang: str) -> str:
    """Words in rows as a folded table; empty where there are none."""
    if not rows:
        return ""
    return f'<details class="words"><summary>{html(summary)}</summary>{_html(head, rows, "", lang)}</details>'


def _table(result: Result, lang: str) -> str:
    head: list[str]
    rows: list[list[Any]]
    if isinstance(result, Table):
        head = [say(words, lang) for words in result.columns.values()]
        rows = [[row.get(key) for key in result.columns] for row in result.rows]
    elif isinstance(result, Series):
        names = [say(result.called(name), lang) for name in result.curves]
        head = [say(result.position_unit, lang) or phrase("position", lang), *names]
        rows = [list(row) for row in zip(_positions(result), *result.curves.values(), strict=True)]
    elif isinstance(result, Points):
        names = [say(name, lang) or str(axis) for axis, name in enumerate(result.axis_names)]
        head = [phrase("point", lang), phrase("group", lang), *names]
        rows = [
            [label, group, *place]
            for label, group, place in zip(
                _filled(result.labels, len(result.values)),
                _filled(result.groups, len(result.values)),
                result.values,
                strict=True,
            )
        ]
    elif isinstance(result, Graph):
        more = {name: one for name, one in QUANTITIES.items() if name != "parameters" and name in known(result.nodes)}
        head = [phrase(key, lang) for key in ("operation", "address", "shape", "parameters")]
        head += [say(message(f"graph.overlay.{name}"), lang) for name in more]
        rows = [
            [node["op"], node["site"], tuple(node["shape"]), node["parameters"], *_spelled(more.values(), node)]
            for node in result.nodes
        ]
    else:
        return ""
    return _html(head, rows, result.layer, lang) if rows else ""


def _spelled(quantities: Iterable[Quantity], node: Mapping[str, Any]) -> Iterator[str | None]:
    for one in quantities:
        value = one.of(node)
        yield None if value is None else one.spelled(value)


def _html(head: Sequence[str], rows: Sequence[Sequence[Any]], name: str, lang: str) -> str:
    shown = [rows[int(i)] for i in np.linspace(0, len(rows) - 1, min(MOST, len(rows))).round()]
    said = [name] if name else []
    if len(shown) < len(rows):
        said.append(phrase("reduced", lang, shown=len(shown), total=f"{len(rows):,}"))
    title = f"<caption>{html(' · '.join(said))}</caption>" if said else ""
    top = "".join(f'<th scope="col">{html(cell)}</th>' for cell in head)
    body = "".join(f"<tr>{_row(row, lang)}</tr>" for row in shown)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{html(phrase("numbers", lang))}"><table>{title}'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(cells: Sequence[Any], lang: str) -> str:
    first, *rest = (_cell(cell, lang) for cell in cells)
    return f'<th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in rest)


def _cell(cell: Any, lang: str) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, (bool, np.bool_)):
        return html(phrase("yes" if cell else "no", lang))
    if isinstance(cell, (int, np.integer)):
        return f"{int(cell):,}"
    if isinstance(cell, (float, np.floating)):
        return html(spell.number(float(cell)))
    if isinstance(cell, np.ndarray):
        return html(
            phrase("strip", lang, count=cell.size)
            if cell.ndim == 1
            else phrase("picture", lang, size="×".join(map(str, cell.shape)))
        )
    return html("×".join(map(str, cell)) if isinstance(cell, tuple) else say(cell, lang))


def _positions(result: Series) -> Sequence[Any]:
    size = result.values.shape[-1]
    return result.labels or result.positions or range(size)


def _filled(words: Sequence[Text | str], size: int) -> Sequence[Text | str]:
    return words or ("",) * size
