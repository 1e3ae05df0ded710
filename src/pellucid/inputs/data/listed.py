"""`list:FILE.csv` and `list:FILE.jsonl`: a row names a picture or holds a text, and perhaps a label."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pellucid.core.errors import BadInput
from pellucid.core.text import Text
from pellucid.inputs.data.data import Sample
from pellucid.inputs.data.inside import file_inside
from pellucid.inputs.data.labels import label_at, numbered
from pellucid.inputs.data.sizes import file_identity
from pellucid.inputs.image import as_file

_PATHS = ("path", "file", "filename", "file_name", "filepath", "image")
_TEXTS = ("text", "sentence")
_LABELS = ("label", "class", "target", "category")
_PERMIT = Text("allow_absolute=True, if the list can be trusted", "allow_absolute=True，若该列表可信")


@dataclass(frozen=True, eq=False)
class Listed:
    """The rows of one list.

    Args:
        rows: what each row holds: a path or a text.
        lines: the line of the file on which each row ends, from 1.
        labels: `(sample,)`; None where the list has none.
    """

    file: Path
    kind: Literal["path", "text"]
    rows: tuple[str, ...]
    lines: tuple[int, ...]
    labels: np.ndarray | None
    classes: tuple[str, ...]
    allow_absolute: bool
    notes: tuple[Text, ...]
    most_threads: int = 64

    @property
    def covers(self) -> str:
        """What the fingerprint covers."""
        return "content" if self.kind == "text" else "the list, and sizes of the files"

    def __len__(self) -> int:
        return len(self.rows)

    def name(self, ordinal: int) -> str:
        """The path as the list has it, or the line of a text."""
        return self.rows[ordinal] if self.kind == "path" else f"line {self.lines[ordinal]}"

    def label(self, ordinal: int) -> int | None:
        """The class that the row states."""
        return label_at(self.labels, ordinal)

    def take(self, ordinal: int) -> Sample:
        """A path or a text.

        Raises:
            BadInput: an empty row, a path that leads out of the list's folder, a text that is no UTF-8.
        """
        row = self.rows[ordinal]
        if not row.strip():
            raise BadInput(
                Text(
                    f"Line {self.lines[ordinal]} of the list has no {self.kind}.",
                    f"列表第 {self.lines[ordinal]} 行没有 {self.kind}。",
                )
            )
        if self.kind == "text":
            return Sample(utf8(row), self.label(ordinal))
        root = self.file.parent
        path = root / row if self.allow_absolute else file_inside(root, row, _PERMIT)
        return Sample(path, self.label(ordinal))

    def identity(self, content: bool) -> Iterator[str]:
        """Every row, and of files the size or the content."""
        for row, label in zip(self.rows, self.labels if self.labels is not None else [""] * len(self), strict=True):
            held = file_identity(self.file.parent / row, content) if self.kind == "path" else ""
            yield f"{row}\0{label}\0{held}"


def open_list(file: Path, *, classes: Sequence[str] | None = None, allow_absolute: bool = False) -> Listed:
    """Read a list; the files that it names are not touched.

    The columns are told by a first line such as `path,label` or `text,label`; without one they are a path and a label.
    Empty lines are no rows. Files lie relative to the list's own folder.

    Args:
        classes: names of the classes in the order of the model's output; default the names in order of their bytes.
        allow_absolute: let paths lead out of that folder.
    Raises:
        BadInput: not a list that can be read, no rows, or labels that are no classes.
    """
    kind, rows = _from_json(as_file(file)) if file.suffix.lower() in (".jsonl", ".ndjson") else _from_csv(as_file(file))
    if not rows:
        raise BadInput(
            Text(f"'{file}' has no rows.", f"'{file}' 没有任何行。"),
            hint=Text("one row a sample: path,label", "每行一个样本：path,label"),
        )
    if kind == "path" and not allow_absolute and all(Path(row).is_absolute() for _, row, _ in rows):
        raise BadInput(
            Text(
                f"All {len(rows):,} paths in '{file}' are absolute; refused.",
                f"'{file}' 中的 {len(rows):,} 个路径全是绝对路径；拒绝读取。",
            ),
            hint=_PERMIT,
        )
    labels, names = numbered([label for *_, label in rows], classes, f"'{file}'")
    lines, words = tuple(line for line, *_ in rows), tuple(row for _, row, _ in rows)
    has_labels = bool((labels >= 0).any())
    return Listed(
        file, kind, words, lines, labels if has_labels else None, names if has_labels else (), allow_absolute, ()
    )


def utf8(words: str) -> str:
    """`words`, if they were UTF-8 in the file.

    Raises:
        BadInput: they were not.
    """
    try:
        words.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadInput(
            Text("The text is not UTF-8.", "该文本不是 UTF-8。"),
            hint=Text("iconv -t utf-8 brings it to UTF-8", "iconv -t utf-8 可转换为 UTF-8"),
        ) from error
    return words


_Rows = tuple[Literal["path", "text"], list[tuple[int, str, str | int | None]]]


def _from_csv(file: Path) -> _Rows:
    separator = "\t" if file.suffix.lower() == ".tsv" else ","
    rows: list[tuple[int, list[str]]] = []
    try:
        with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            reader = csv.reader(stream, delimiter=separator)
            rows.extend((reader.line_num, row) for row in reader if row)
    except csv.Error as error:
        raise BadInput(
            Text(
                f"'{file}' is no list after {len(rows):,} rows: {error}.",
                f"'{file}' 在 {len(rows):,} 行之后不再是列表：{error}。",
            )
        ) from error
    except OSError as error:
        raise BadInput(
            Text(f"'{file}' cannot be opened: {error.strerror}.", f"无法打开 '{file}'：{error.strerror}。")
        ) from error
    named = [cell.strip().lower() for cell in rows[0][1]] if rows else []
    columns = (_column(named, _PATHS), _column(named, _TEXTS))
    if columns == (None, None):
        return "path", [(line, row[0], row[1] if len(row) > 1 else None) for line, row in rows]
    kind = "text" if columns[0] is None else "path"
    at, label_column = columns[0] if columns[0] is not None else columns[1], _column(named, _LABELS)
    return kind, [(line, _cell(row, at) or "", _cell(row, label_column)) for line, row in rows[1:]]


def _column(named: Sequence[str], words: Sequence[str]) -> int | None:
    return next((named.index(word) for word in words if word in named), None)


def _cell(row: Sequence[str], column: int | None) -> str | None:
    return None if column is None or column >= len(row) else row[column]


def _from_json(file: Path) -> _Rows:
    rows: list[tuple[int, str, str | int | None]] = []
    keys: set[str] = set()
    try:
        with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="\n") as stream:
            for line, words in enumerate(stream, 1):
                if words.strip():
                    key, row, label = _object(words, line, file)
                    keys.add(key)
                    rows.append((line, row, label))
    except OSError as error:
        raise BadInput(
            Text(f"'{file}' cannot be opened: {error.strerror}.", f"无法打开 '{file}'：{error.strerror}。")
        ) from error
    if len(keys) > 1:
        raise BadInput(
            Text(
                f"'{file}' has rows with a path and rows with a text.", f"'{file}' 中既有带路径的行，又有带文本的行。"
            ),
            hint=Text("make two lists of it", "请分成两个列表"),
        )
    return ("text" if keys == {"text"} else "path"), rows


def _object(words: str, line: int, file: Path) -> tuple[str, str, str | int | None]:
    try:
        held: Any = json.loads(words)
    except (ValueError, RecursionError) as error:
        raise BadInput(
            Text(f"Line {line} of '{file}' is not JSON: {error}.", f"'{file}' 第 {line} 行不是 JSON：{error}。")
        ) from error
    found = [
        (kind, held[key])
        for kind, keys in (("path", _PATHS), ("text", _TEXTS))
        for key in keys
        if isinstance(held, dict) and key in held
    ]
    if not found or not isinstance(found[0][1], str):
        raise BadInput(
            Text(
                f"Line {line} of '{file}' has no path or text in words.",
                f"'{file}' 第 {line} 行没有文字形式的 path 或 text。",
            ),
            hint='{"path": "a.jpg", "label": "cat"}',
        )
    label = next((held[key] for key in _LABELS if key in held), None)
    if isinstance(label, bool) or not isinstance(label, (str, int, type(None))):
        raise BadInput(
            Text(
                f"Line {line} of '{file}' has the label {label!r}, neither a name nor a whole number.",
                f"'{file}' 第 {line} 行的标签 {label!r} 既不是名称，也不是整数。",
            )
        )
    return *found[0], label
