"""`folder:DIR`: every picture below a folder; where each lies in a folder of its class, that is its label."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pellucid.core.errors import BadInput, nearest_names, quoted
from pellucid.core.text import Text
from pellucid.inputs.data.data import Sample
from pellucid.inputs.data.inside import is_inside
from pellucid.inputs.data.labels import label_at, numbered, printable
from pellucid.inputs.data.sizes import file_identity

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff")


@dataclass(frozen=True, eq=False)
class Folder:
    """Pictures by their path below `root`, in the order of the bytes of these paths.

    Args:
        paths: relative, `/` between names.
        labels: `(sample,)`; None for pictures that do not all lie in folders of classes.
        refused: paths of links that lead out of `root`.
    """

    root: Path
    paths: tuple[str, ...]
    labels: np.ndarray | None
    classes: tuple[str, ...]
    refused: frozenset[str]
    notes: tuple[Text, ...]
    most_threads: int = 64
    covers: str = "names and sizes of the files"

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, ordinal: int) -> str:
        """The path below the folder."""
        return self.paths[ordinal]

    def label(self, ordinal: int) -> int | None:
        """The class whose folder it lies in."""
        return label_at(self.labels, ordinal)

    def take(self, ordinal: int) -> Sample:
        """The path of one picture.

        Raises:
            BadInput: it is a link that leads out of the folder.
        """
        path = self.paths[ordinal]
        if path in self.refused:
            raise BadInput(
                Text("It is a link that leads out of the folder; refused.", "它是指向文件夹之外的链接；拒绝读取。"),
                hint="follow_symlinks=True",
            )
        return Sample(self.root / path, self.label(ordinal))

    def identity(self, content: bool) -> Iterator[str]:
        """Paths and sizes, or content."""
        for path in self.paths:
            yield f"{path}\0{'refused' if path in self.refused else file_identity(self.root / path, content)}"


@dataclass
class _Found:
    root: Path
    follow: bool
    pictures: list[str] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    entered: set[str] = field(default_factory=set)
    others: Counter[str] = field(default_factory=Counter)
    unentered: int = 0


def open_folder(root: Path, *, classes: Sequence[str] | None = None, follow_symlinks: bool = False) -> Folder:
    """List a folder.

    Files whose names begin with a dot are no samples; files with no suffix of a picture are none either, but are
    counted. A link to a file inside the folder is a sample; one that leads out is a bad sample. Linked folders are
    entered only with `follow_symlinks`, and only where they lead out, each once: what lies inside is listed anyway.

    Args:
        classes: names of the classes in the order of the model's output; default the folders in order of their bytes.
    Raises:
        BadInput: no such folder, one that cannot be listed, or no picture in it.
    """
    if not root.is_dir():
        raise _no_folder(root)
    found = _Found(root, follow_symlinks, entered={os.path.realpath(root)})
    waiting = [""]
    while waiting:
        waiting.extend(_list(waiting.pop(), found))
    if not found.pictures:
        raise BadInput(
            Text(
                f"There is no picture in '{root}'" + (f", but {_told(found.others)}." if found.others else "."),
                f"'{root}' 中没有图片" + (f"，而有 {_told(found.others)}。" if found.others else "。"),
            ),
            hint=Text(
                f"pictures are told by their suffix: {' '.join(SUFFIXES)}", f"图片由扩展名识别：{' '.join(SUFFIXES)}"
            ),
        )
    paths = tuple(sorted(found.pictures, key=os.fsencode))
    labels, names = _labels(paths, found.folders, classes, f"'{root}'")
    return Folder(root, paths, labels, names, frozenset(found.refused), _notes(found))


def _list(folder: str, found: _Found) -> list[str]:
    deeper: list[str] = []
    try:
        with os.scandir(found.root / folder) as entries:
            within = sorted(entries, key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        raise BadInput(
            Text(
                f"The folder '{found.root / folder}' cannot be listed: {error.strerror}.",
                f"无法列出文件夹 '{found.root / folder}'：{error.strerror}。",
            ),
            hint=Text("mend its permissions", "请修正其权限"),
        ) from error
    for entry in within:
        path = f"{folder}/{entry.name}" if folder else entry.name
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False) or (entry.is_symlink() and (found.root / path).is_dir()):
            if _enters(found.root / path, found, entry.is_symlink()):
                found.folders.add(path)
                deeper.append(path)
        elif not entry.name.lower().endswith(SUFFIXES):
            found.others[Path(entry.name).suffix.lower()] += 1
        else:
            found.pictures.append(path)
            if entry.is_symlink() and not found.follow and _leads_out(found.root / path, found.root):
                found.refused.add(path)
    return deeper


def _enters(folder: Path, found: _Found, is_link: bool) -> bool:
    """Whether to list a folder; with links followed, a folder may be come to in several ways, and is listed once."""
    if not found.follow:
        found.unentered += is_link
        return not is_link
    target = os.path.realpath(folder)
    if target in found.entered or (is_link and is_inside(target, os.path.realpath(found.root))):
        found.unentered += is_link
        return False
    found.entered.add(target)
    return True


def _leads_out(link: Path, root: Path) -> bool:
    return link.exists() and not is_inside(link, os.path.realpath(root))


def _labels(
    paths: Sequence[str], folders: set[str], classes: Sequence[str] | None, where: str
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    if not all("/" in path for path in paths):
        return None, ()
    own = sorted((name for name in folders if "/" not in name), key=os.fsencode)
    if classes is None:  # a folder named "3" is a name, too
        places = {name: place for place, name in enumerate(own)}
        return np.array([places[path.split("/")[0]] for path in paths], np.int64), tuple(map(printable, own))
    return numbered([path.split("/")[0] for path in paths], classes, where)


def _notes(found: _Found) -> tuple[Text, ...]:
    notes: list[Text] = []
    if found.others:
        count, kinds = found.others.total(), _told(found.others)
        other = (
            "1 other file in the folder is no picture by its name"
            if count == 1
            else (f"{count:,} other files in the folder are no pictures by their names")
        )
        notes.append(
            Text(
                f"{other}: {kinds}.",
                f"文件夹中另有 {count:,} 个文件按名称判断不是图片：{kinds}。",
                aside=True,
            )
        )
    if found.unentered:
        notes.append(
            Text(
                f"{found.unentered:,} linked folders were not entered.",
                f"有 {found.unentered:,} 个链接文件夹未进入。",
            )
        )
    return tuple(notes)


def _told(others: Counter[str]) -> str:
    kinds = sorted(others.items(), key=lambda pair: (-pair[1], pair[0]))
    told = ", ".join(f"{count:,} {suffix or 'without suffix'}" for suffix, count in kinds[:4])
    return told + (", …" if len(kinds) > 4 else "")


def _no_folder(root: Path) -> BadInput:
    if root.exists():
        return BadInput(
            Text(f"'{root}' is a file, not a folder.", f"'{root}' 是文件，不是文件夹。"),
            hint="list:FILE.csv, npy:FILE, npz:FILE, text:FILE",
        )
    beside = [one.name for one in root.parent.iterdir() if one.is_dir()] if root.parent.is_dir() else []
    return BadInput(
        Text(f"There is no folder '{root}'.", f"没有文件夹 '{root}'。"),
        nearest=quoted(nearest_names(root.name, sorted(beside))),
        hint=Text("check the path; it is relative to the current folder", "请检查路径；相对路径以当前文件夹为准"),
    )
