"""`hf:DIR`: a data set that `datasets` saved to disk, or Parquet files; nothing is fetched, no code of it runs."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pellucid.core.errors import BadInput, nearest_names, quoted
from pellucid.core.text import Text
from pellucid.inputs.data.data import Sample
from pellucid.inputs.data.inside import file_inside
from pellucid.inputs.data.items import unpacked
from pellucid.inputs.data.sizes import file_identity

LARGEST_PARQUET = 8 * 2**30
_TEXTS = ("text", "sentence")
_LABELS = ("label", "labels", "fine_label")


class HuggingFace:
    """Rows of one split, their pictures undecoded.

    Args:
        folder: the folder that `save_to_disk` wrote, or one of Parquet files.
        split: which part, where the folder holds several.
    """

    notes: tuple[Text, ...] = ()
    most_threads = 1  # one table
    covers = "names and sizes of the files"

    def __init__(self, folder: Path, split: str | None = None) -> None:
        self.folder, self.split = folder, split
        self._rows: Any = _opened(folder, split)
        self._count = len(self._rows)
        features = self._rows.features
        self._picture = next((name for name, kind in features.items() if type(kind).__name__ == "Image"), None)
        self._text = next((name for name in _TEXTS if name in features), None)
        self._label = next((name for name in _LABELS if name in features), None)
        names = getattr(features.get(self._label), "names", None)
        self.classes: tuple[str, ...] = tuple(names or ())

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_rows": None}

    def __len__(self) -> int:
        return self._count

    def name(self, ordinal: int) -> str:
        """The row."""
        return f"row {ordinal}"

    def label(self, ordinal: int) -> int | None:  # noqa: ARG002
        """None: it is known when the row is read."""
        return None

    def take(self, ordinal: int) -> Sample:
        """The picture of a row, or its text, or its columns by name.

        Raises:
            BadInput: there is no picture in the row, or it lies outside the folder.
        """
        if self._rows is None:
            self._rows = _opened(self.folder, self.split)
        row = self._rows[ordinal]
        label = row.pop(self._label, None) if self._label else None
        if self._picture is not None:
            return unpacked((self._stored(row[self._picture]), label))
        if self._text is not None:
            return unpacked((row[self._text], label))
        return unpacked({**row, "label": label})

    def identity(self, content: bool) -> Iterator[str]:
        """Every file of the folder."""
        yield str(self.split)
        for path in sorted(path for path in self.folder.rglob("*") if path.is_file()):
            yield f"{path.relative_to(self.folder)}\0{file_identity(path, content)}"

    def _stored(self, held: Any) -> bytes | Path:
        if held is None:
            raise BadInput(Text("The row has no picture.", "该行没有图片。"))
        if held.get("bytes"):
            return held["bytes"]
        return file_inside(self.folder, held.get("path") or "", "save the data set with its pictures inside")


def open_hugging_face(folder: Path, *, split: str | None = None) -> HuggingFace:
    """A saved data set.

    Raises:
        BadInput: `datasets` is not installed, the folder holds no data set, or no such split.
    """
    if not folder.is_dir():
        raise BadInput(
            Text(f"There is no folder '{folder}'.", f"没有文件夹 '{folder}'。"),
            hint=Text(
                "hf:DIR is what save_to_disk wrote, or Parquet files",
                "hf:DIR 是 save_to_disk 写出的内容，或 Parquet 文件",
            ),
        )
    made = HuggingFace(folder, split)
    if not len(made):
        raise BadInput(Text(f"The data set in '{folder}' is empty: 0 rows.", f"'{folder}' 中的数据集是空的：0 行。"))
    return made


def _opened(folder: Path, split: str | None) -> Any:
    try:
        import datasets  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise BadInput(
            Text(
                "Reading a Hugging Face data set needs the package 'datasets', which is not installed.",
                "读取 Hugging Face 数据集需要软件包 'datasets'，而它没有安装。",
            ),
            hint=Text(
                "pip install datasets; or folder:DIR, list:FILE, npz:FILE, which need nothing",
                "pip install datasets；或 folder:DIR、list:FILE、npz:FILE，它们无需安装",
            ),
        ) from error
    part = folder / _part(folder, split) if (folder / "dataset_dict.json").is_file() else folder
    try:
        if (part / "state.json").is_file():
            rows: Any = datasets.load_from_disk(str(part), keep_in_memory=False)
        else:
            table = _table(_parquet(folder, split))
            rows = datasets.Dataset(table)
        for name, kind in rows.features.items():
            if isinstance(kind, (datasets.Image, datasets.Audio)):
                rows = rows.cast_column(name, type(kind)(decode=False))
    except BadInput:
        raise
    except Exception as error:  # damaged bytes make the library raise almost any class
        raise BadInput(
            Text(
                f"'{folder}' is not a data set that can be read: {error}.", f"'{folder}' 不是可读取的数据集：{error}。"
            )
        ) from error
    return rows.with_format(None)


def _part(folder: Path, split: str | None) -> str:
    try:
        names: Any = json.loads((folder / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
        known = [name for name in names if isinstance(name, str) and (folder / name / "state.json").is_file()]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise BadInput(
            Text(
                f"'{folder}' has a damaged dataset_dict.json: {error}.",
                f"'{folder}' 的 dataset_dict.json 已损坏：{error}。",
            )
        ) from error
    if split is None and len(known) == 1:
        return known[0]
    if split not in known:
        asked = f"no part '{split}'" if split is not None else "several parts"
        near = quoted(nearest_names(split or "test", known))
        first = "test" if "test" in known else next(iter(known), "test")
        raise BadInput(
            Text(
                f"'{folder}' has {asked}.",
                f"'{folder}' " + (f"没有部分 '{split}'。" if split is not None else "有多个部分。"),
            ),
            nearest=near,
            hint=f"hf:{folder}#{first}",
        )
    return split


def _parquet(folder: Path, split: str | None) -> Sequence[Path]:
    every = sorted(path for path in folder.rglob("*.parquet") if path.is_file())
    files = [path for path in every if split is None or path.name.startswith(split)]
    if not files:
        raise BadInput(
            Text(
                f"'{folder}' holds no saved data set" + (f" of the part '{split}'." if split else "."),
                f"'{folder}' 中没有保存的数据集" + (f"（部分 '{split}'）。" if split else "。"),
            ),
            nearest=quoted(path.name for path in every[:3]),
            hint=Text(
                "hf:DIR is what save_to_disk wrote, or a folder of Parquet files; nothing is fetched",
                "hf:DIR 是 save_to_disk 写出的内容，或存放 Parquet 文件的文件夹；不会下载任何内容",
            ),
        )
    return files


def _table(files: Sequence[Path]) -> Any:
    from pyarrow import concat_tables, parquet  # pyright: ignore[reportMissingImports]

    held = [parquet.ParquetFile(path).metadata for path in files]
    needed = sum(one.row_group(group).total_byte_size for one in held for group in range(one.num_row_groups))
    if needed > LARGEST_PARQUET:
        raise BadInput(
            Text(
                f"The Parquet files unpack to {needed:,} bytes, more than {LARGEST_PARQUET:,}.",
                f"Parquet 文件解压后有 {needed:,} 字节，超过 {LARGEST_PARQUET:,}。",
            ),
            hint=Text(
                "datasets.load_dataset('parquet', …).save_to_disk(DIR): that form is mapped",
                "datasets.load_dataset('parquet', …).save_to_disk(DIR)：该形式以内存映射读取",
            ),
        )
    return concat_tables([parquet.read_table(path) for path in files])
