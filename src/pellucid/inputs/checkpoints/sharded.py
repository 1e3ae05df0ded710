"""Weights cut into several files: what the index of them says."""

import json
from pathlib import Path
from typing import Any

from pellucid.core.errors import BadWeights, quoted
from pellucid.core.text import Text
from pellucid.inputs.checkpoints.archive import LARGEST_HEADER, MOST_TENSORS


def shards_of(index: Path) -> dict[Path, list[str]]:
    """The files beside an index, and the names of the tensors in each.

    Raises:
        BadWeights: the index cannot be read, names a file outside its folder, or one that is not there.
    """
    try:
        if index.stat().st_size > LARGEST_HEADER:
            raise BadWeights(
                Text(
                    f"'{index}' is refused: an index of {index.stat().st_size:,} bytes.",
                    f"拒绝读取 '{index}'：{index.stat().st_size:,} 字节的索引。",
                )
            )
        held: Any = json.loads(index.read_text(encoding="utf-8"))
        named: dict[str, Any] = dict(held["weight_map"])
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        raise BadWeights(
            Text(f"'{index}' is no index of weights: {error!r}.", f"'{index}' 不是权重索引：{error!r}。"),
            hint=Text("copy or fetch it again", "请重新复制或下载该文件"),
        ) from error
    if len(named) > MOST_TENSORS:
        raise BadWeights(
            Text(
                f"'{index}' is refused: it names more than {MOST_TENSORS:,} tensors.",
                f"拒绝读取 '{index}'：它列出超过 {MOST_TENSORS:,} 个张量。",
            )
        )
    shards: dict[Path, list[str]] = {}
    for name, file in named.items():
        shards.setdefault(beside(index, file), []).append(name)
    missing = [one.name for one in shards if not one.is_file()]
    if missing:
        raise BadWeights(
            Text(
                f"{len(missing)} of {len(shards)} files of weights are not beside '{index}'.",
                f"{len(shards)} 个权重文件中有 {len(missing)} 个不在 '{index}' 旁边。",
            ),
            nearest=quoted(missing[:3]),
            hint=Text("fetch all files again", "请重新下载全部文件"),
        )
    return shards


def beside(index: Path, file: Any) -> Path:
    """The file of that name in the folder of the index.

    Raises:
        BadWeights: the name leads elsewhere.
    """
    if not isinstance(file, str) or Path(file).name != file or "\\" in file or "\0" in file or file in ("", ".."):
        raise BadWeights(
            Text(
                f"'{index}' is refused: it names {file!r}, which is not a file beside it.",
                f"拒绝读取 '{index}'：它列出 {file!r}，而这不是它旁边的文件。",
            )
        )
    return index.parent / file
