"""What the kinds other than attributions say: size, extremes, concentration, what is unusual."""

from collections.abc import Sequence

import numpy as np

from pellucid.core.messages import LANGUAGES, message
from pellucid.core.text import Text, say
from pellucid.results import measures, quantities, spell
from pellucid.results.gallery import Gallery
from pellucid.results.graph import Graph
from pellucid.results.matrix import Matrix
from pellucid.results.points import Points
from pellucid.results.series import Series
from pellucid.results.table import Table

NEIGHBOURS = 3000
NUMBERED = ("head", "query", "key", "window", "position", "step")


def matrix(result: Matrix) -> list[Text]:
    """Size, largest value, how concentrated the rows are."""
    if not result.values.size or result.values.ndim < 2:
        return [message("odd.empty")]
    rows, columns = result.values.shape[-2:]
    panels = np.where(np.isfinite(result.values), result.values, 0.0).reshape(-1, rows, columns).astype(np.float64)
    size = {"rows": rows, "columns": columns}
    relates = rows > 1 and _relates(result, panels)
    others = ~np.eye(rows, dtype=bool) if relates else np.ones((rows, columns), dtype=bool)
    found = [message("matrix.one", **size) if len(panels) == 1 else message("matrix.size", count=len(panels), **size)]
    if not panels[:, others].any():
        return [*found, message("odd.zeros")]
    known = others & np.isfinite(result.values.reshape(panels.shape))
    panel, row, column = np.unravel_index(int(np.argmax(np.where(known, panels, -np.inf))), panels.shape)
    if row == 0 and _looks_back(result, panels):
        return found + _spread(result, panels)
    value = spell.number(panels[panel, row, column])
    words = {
        "value": message("matrix.value", value=value, unit=result.unit) if result.unit else value,
        "row": _at(result, -2, int(row)),
        "column": _at(result, -1, int(column)),
    }
    named = len(panels) > 1
    found.append(
        message("matrix.largest_in", panel=_label(result.panels, int(panel)), **words)
        if named
        else message("matrix.largest", **words)
    )
    return found if relates else found + _spread(result, panels)


def _relates(result: Matrix, panels: np.ndarray) -> bool:
    """Whether it relates things with themselves, as a correlation does: the diagonal then tells nothing."""
    same = bool(result.rows) and result.rows == result.columns and result.signed
    return same and bool(np.allclose(panels, panels.swapaxes(-1, -2)))


def _looks_back(result: Matrix, panels: np.ndarray) -> bool:
    """Whether it is causal attention: that the first token looks at itself alone then tells nothing."""
    square = result.axes[-2:] == ("query", "key") and panels.shape[-1] == panels.shape[-2] and not result.signed
    return square and bool(np.allclose(panels[:, 0, 0], 1)) and not np.triu(panels, 1).any()


def _spread(result: Matrix, panels: np.ndarray) -> list[Text]:
    if str(result.unit).startswith("log"):  # shares of a sum mean nothing there
        return []
    if (panels < 0).any():
        return [message("matrix.negative", share=spell.percent(-panels[panels < 0].sum() / np.abs(panels).sum()))]
    rows, columns = panels.shape[-2:]
    per_column = panels.sum((0, 1)) / panels.sum()
    sink = int(np.argmax(per_column))
    if columns >= 4 and per_column[sink] > max(0.5, 2 / columns):
        return [message("matrix.sink", share=spell.percent(per_column[sink]), column=_at(result, -1, sink))]
    chosen = panels.reshape(-1, columns)
    chosen = chosen[chosen.sum(1) > 0][:2000]
    share = float(np.mean([measures.half_share(row) for row in chosen])) if rows > 1 else measures.half_share(chosen[0])
    return [message("matrix.focus", share=spell.percent(share))]


def gallery(result: Gallery) -> list[Text]:
    """How many pictures, their range, which are blank."""
    count = len(result.images)
    if not count:
        return [message("odd.empty")]
    groups = len({say(group) for group in result.groups})
    found = [
        message("gallery.groups", count=count, groups=groups) if groups > 1 else message("gallery.count", count=count)
    ]
    plain = [(i, image) for i, image in enumerate(result.images) if image.ndim == 2 and image.size]
    if not plain:
        return [*found, message("gallery.colour")]
    peaks = [float(np.abs(np.where(np.isfinite(image), image, 0)).max()) for _, image in plain]
    best = plain[int(np.argmax(peaks))][0]
    values = np.concatenate([image[np.isfinite(image)] for _, image in plain])
    if not values.size:
        return [*found, message("odd.nan_all")]
    ends = {"low": spell.number(float(values.min())), "high": spell.number(float(values.max()))}
    found.append(
        message("gallery.range", caption=_label(result.captions, best), **ends)
        if count > 1
        else message("gallery.range_one", **ends)
    )
    blank = sum(peak == 0 for peak in peaks)
    flat = sum(measures.is_flat(image) for _, image in plain) - blank
    if blank:
        found.append(message("gallery.zero", count=blank, total=count))
    elif flat > 0:
        found.append(message("gallery.flat", count=flat, total=count))
    return found


def graph(result: Graph) -> list[Text]:
    """Size, where the parameters are, branches, folds, where it failed."""
    if not result.nodes:
        return [message("odd.empty")]
    kept = {str(node["site"]): float(node["kept"]) for node in result.nodes if node.get("kept") is not None}
    if kept:
        return [_kept(kept)]
    index = {node["id"]: i for i, node in enumerate(result.nodes)}
    pairs = np.array([[index[a], index[b]] for a, b in result.values.tolist()]).reshape(-1, 2)
    ends = {i for i, node in enumerate(result.nodes) if node["op"] in ("input", "output")}
    between = np.array([pair for pair in pairs.tolist() if not ends & set(pair)]).reshape(-1, 2).astype(np.int64)
    found = [
        message(
            "graph.size",
            nodes=f"{len(result.nodes) - len(ends):,}",
            edges=f"{len(result.edges):,}",
            depth=f"{measures.longest_path(between, len(result.nodes)):,}",
        )
    ]
    if result.failed is not None and result.failed in index:
        found.insert(0, message("graph.failed", site=result.nodes[index[result.failed]]["site"]))
    born = next((node["site"] for node in result.nodes if (node.get("value") or {}).get("nonfinite")), None)
    if born is not None:
        found.insert(0, message("graph.nonfinite", site=born))
    by_module: dict[str, int] = {}
    for node in result.nodes:
        place = str(node["module"]).split(".")[0] or str(node["site"])
        by_module[place] = by_module.get(place, 0) + int(node.get("parameters") or 0)
    total = sum(by_module.values())
    if total:
        module = max(by_module, key=lambda name: by_module[name])
        found.append(
            message(
                "graph.parameters",
                parameters=spell.count(total),
                module=module,
                share=spell.percent(by_module[module] / total),
            )
        )
    elif any(node.get("parameters") is not None for node in result.nodes):
        found.append(message("graph.no_parameters"))
    flops, memory = (quantities.total(result.nodes, name) for name in ("flops", "memory"))
    if flops and memory is not None:
        found.append(message("graph.cost", flops=quantities.arithmetic(flops), memory=quantities.size(memory)))
    if result.folds:
        return [*found, message("graph.folds", count=len(result.folds))]
    readers = np.bincount(pairs[:, 0].astype(np.int64), minlength=1)
    return [*found, message("graph.branches", count=f"{int((readers > 1).sum()):,}")] if (readers > 1).any() else found


def _kept(shares: dict[str, float]) -> Text:
    most, fewest = max(shares, key=shares.__getitem__), min(shares, key=shares.__getitem__)
    ends = {"most": most, "high": spell.percent(shares[most]), "fewest": fewest, "low": spell.percent(shares[fewest])}
    return message("graph.kept", layers=len(shares), **ends)


def series(result: Series) -> list[Text]:
    """How many curves; the first and the most eventful one from start to end; marks."""
    curves = {name: curve for name, curve in result.curves.items() if np.isfinite(curve).any()}
    if not curves:
        return [message("odd.nan_all" if result.curves else "odd.empty")]
    positions = max(curve.shape[-1] for curve in curves.values())
    found = [
        message("series.one", positions=positions)
        if len(curves) == 1
        else message("series.count", count=len(curves), positions=positions)
    ]
    span = {name: float(np.nanmax(curve) - np.nanmin(curve)) for name, curve in curves.items()}
    names = list(dict.fromkeys([next(iter(curves)), max(span, key=lambda name: span[name])]))
    for name in names[: 1 if result.marks else 2]:
        seen = np.flatnonzero(np.isfinite(curves[name]))
        curve = curves[name]
        top = int(seen[np.argmax(curve[seen])])
        words = {"name": result.called(name), "high": spell.number(float(curve[top])), "where": _position(result, top)}
        found.append(
            message("series.histogram", **words)
            if result.style == "histogram"
            else message(
                "series.change",
                first=spell.number(float(curve[seen[0]])),
                last=spell.number(float(curve[seen[-1]])),
                low=spell.number(float(np.nanmin(curve))),
                **words,
            )
        )
    if result.marks:
        found.append(message("series.marks", marks=_marks(result)))
    return found


def points(result: Points) -> list[Text]:
    """How many points and groups, whether groups hold together, the farthest point."""
    positions = result.positions
    if not len(positions):
        return [message("odd.empty")]
    groups = sorted(set(map(str, result.groups)))
    found = [
        message("points.groups", count=f"{len(positions):,}", groups=len(groups))
        if len(groups) > 1
        else message("points.size", count=f"{len(positions):,}")
    ]
    finite = np.isfinite(positions).all(1)
    if len(groups) > 1 and finite.sum() > 2:
        codes = np.unique(np.array(list(map(str, result.groups))), return_inverse=True)[1][finite][:NEIGHBOURS]
        near = _nearest(positions[finite][:NEIGHBOURS])
        sizes = np.bincount(codes)
        chance = float((sizes * (sizes - 1)).sum() / (len(codes) * (len(codes) - 1)))
        found.append(
            message(
                "points.neighbours",
                share=spell.percent(float(np.mean(codes[near] == codes))),
                chance=spell.percent(chance),
            )
        )
    if result.labels and finite.any():
        middle = np.median(positions[finite], axis=0)
        far = np.where(finite, np.linalg.norm(positions - middle, axis=1), -1)
        found.append(message("points.outlier", label=_label(result.labels, int(np.argmax(far)))))
    return found


def _nearest(positions: np.ndarray) -> np.ndarray:
    from scipy.spatial import KDTree

    found = np.asarray(KDTree(positions).query(positions, k=2)[1])
    own = np.arange(len(positions))
    return np.where(found[:, 0] == own, found[:, 1], found[:, 0])


def table(result: Table) -> list[Text]:
    """Size, the extremes of the first numeric columns, empty cells."""
    if not result.rows:
        return [message("odd.empty")]
    found = [message("table.size", rows=len(result.rows), columns=len(result.columns))]
    keys: tuple[str, ...] = result.facts["numeric"]
    names = _row_names(result)
    for key, column in list(zip(keys, result.values.T, strict=True)):
        if np.isfinite(column).any() and len(found) < 3 and np.nanmax(column) > np.nanmin(column):
            high, low = int(np.nanargmax(column)), int(np.nanargmin(column))
            found.append(
                message(
                    "table.highest",
                    column=result.columns[key],
                    value=spell.number(column[high]),
                    row=names[high],
                    low=spell.number(column[low]),
                    low_row=names[low],
                )
            )
    empty = int(np.isnan(result.values).sum())
    return [*found, message("table.empty", count=empty, total=result.values.size)] if empty else found


def _row_names(result: Table) -> list[Text | str]:
    """The cells of a column that tells the rows apart; else those of the first two columns, with their headings."""
    cells = {key: [row.get(key) for row in result.rows] for key in result.columns}
    alone = [key for key, column in cells.items() if _names_rows(column)]
    first = list(cells)[:2]
    if alone and (alone[0] in first or not _names_rows_together([cells[key] for key in first])):
        return [str(cell) for cell in cells[alone[0]]]
    if len(first) < 2 or not _names_rows_together([cells[key] for key in first]):
        return [f"#{i}" for i in range(len(result.rows))]
    comma = message("list.comma")
    headings = [result.columns[key] for key in first]
    return [
        Text(
            *(
                comma.say(lang).join(f"{h.say(lang)} {c}" for h, c in zip(headings, pair, strict=True))
                for lang in LANGUAGES
            )
        )
        for pair in zip(*(cells[key] for key in first), strict=True)
    ]


def _names_rows_together(columns: Sequence[Sequence[object]]) -> bool:
    """Whether short texts of several columns tell the rows apart."""
    rows = list(zip(*columns, strict=True))
    return all(isinstance(cell, str) and len(cell) <= 20 for row in rows for cell in row) and len(set(rows)) == len(
        rows
    )


def _names_rows(cells: Sequence[object]) -> bool:
    """Whether a column tells the rows apart in few words."""
    return all(isinstance(cell, str) and len(cell) <= 40 for cell in cells) and len(set(cells)) == len(cells)


def _label(labels: tuple[Text | str, ...], index: int) -> Text | str:
    return labels[index] if index < len(labels) else f"#{index}"


def _at(result: Matrix, axis: int, index: int) -> Text | str:
    """A row or column as it is called; a bare number with the name of its axis (`head 5`)."""
    label = _label(result.rows if axis == -2 else result.columns, index)
    if not say(label).isdigit() or len(result.axes) != result.values.ndim or result.axes[axis] not in NUMBERED:
        return label
    name = message(f"draw.{result.axes[axis]}")
    return Text(f"{name.en} {label}", f"{name.zh} {label}")


def _position(result: Series, index: int) -> str:
    if index < len(result.labels):
        return result.labels[index]
    return spell.number(result.positions[index]) if index < len(result.positions) else str(index)


def _marks(result: Series) -> Text:
    comma = message("list.comma")
    chosen = list(result.marks.items())[:4]
    more = "…" if len(result.marks) > 4 else ""
    return Text(
        *(
            comma.say(lang).join(f"{_position(result, i)} ({say(words, lang)})" for i, words in chosen) + more
            for lang in LANGUAGES
        )
    )
