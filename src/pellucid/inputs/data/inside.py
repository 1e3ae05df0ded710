"""Whether a path stays inside the folder that a data set was opened on."""

import os
from pathlib import Path

from pellucid.core.errors import BadInput
from pellucid.core.text import Text


def is_inside(path: str | Path, root: str) -> bool:
    """Whether `path`, all links followed, lies in `root`, which has no links in it."""
    try:
        return os.path.commonpath((os.path.realpath(path), root)) == root
    except ValueError:  # a NUL in the name, or another drive
        return False


def file_inside(root: Path, relative: str, permit: str | Text) -> Path:
    """The file that an untrusted list names.

    Args:
        permit: what allows it to lie elsewhere, for the hint.
    Raises:
        BadInput: it leads out of `root`, by its name or by a link.
    """
    path = root / relative
    if Path(relative).is_absolute():
        raise BadInput(
            Text(f"'{relative}' is an absolute path; refused.", f"'{relative}' 是绝对路径；拒绝读取。"), hint=permit
        )
    if not is_inside(path, os.path.realpath(root)):
        raise BadInput(
            Text(
                f"'{relative}' leads out of the folder of the data set; refused.",
                f"'{relative}' 指向数据集文件夹之外；拒绝读取。",
            ),
            hint=permit,
        )
    return path
