"""Where results go: a report, one file, or a folder of files."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid.core.errors import BadRequest
from pellucid.core.text import Text
from pellucid.lens.views import Views, report
from pellucid.results.result import Lang, Result
from pellucid.results.save import ENDINGS

REPORT = "pellucid-report.html"


@dataclass(frozen=True)
class Destination:
    """A place that can be written to.

    Args:
        path: of the file or folder.
        kind: "report", "file" or "folder".
    """

    path: Path
    kind: str

    @classmethod
    def of(cls, words: str | None, asked: int) -> "Destination":
        """What `-o` names, checked before any work is done.

        Args:
            words: a name that ends in .html; one that ends as a single result does; any other is a folder.
            asked: number of views that were asked for.
        Raises:
            BadRequest: it cannot be written, or is for one picture where several were asked for.
        """
        path = Path(words or REPORT)
        ending = path.suffix.lower().lstrip(".")
        if path.is_dir() or (words or "").endswith(("/", os.sep)) or not ending:
            kind = "folder"
        elif ending in ("html", "htm"):
            kind = "report"
        elif ending in ENDINGS:
            kind = "file"
        else:
            raise BadRequest(
                Text(
                    f"'{path}' cannot be written: nothing here makes a file that ends in '.{ending}'.",
                    f"无法写入 '{path}'：这里不生成以 '.{ending}' 结尾的文件。",
                ),
                asked_by=f"-o {words}",
                nearest=", ".join(f".{one}" for one in ENDINGS),
                hint=Text(
                    "a name without an ending is a folder for everything", "没有扩展名的名称表示存放全部内容的文件夹"
                ),
            )
        if kind == "file" and asked > 1:
            raise BadRequest(
                Text(
                    f"'{path.name}' holds one picture, and {asked} were asked for.",
                    f"'{path.name}' 只容纳一幅图，而请求了 {asked} 幅。",
                ),
                asked_by=f"-o {words}",
                hint=Text(
                    f"-o {path.stem}.html for a report, -o {path.stem} for a folder, or one -m",
                    f"-o {path.stem}.html 为报告，-o {path.stem} 为文件夹；或只用一个 -m",
                ),
            )
        _check_writable(path, words)
        return cls(path, kind)

    def write(self, views: Views, lang: Lang, title: str, also: Sequence[Any] = ()) -> list[Path]:
        """Write what was seen.

        Args:
            also: what stands in the report besides: findings, trainings.
        Returns:
            The files, the one to open first.
        Raises:
            BadRequest: the place refused them.
        """
        try:
            return self._write(views, lang, title, also)
        except OSError as error:
            raise BadRequest(
                Text(
                    f"'{self.path}' cannot be written: {error.strerror or error}.",
                    f"无法写入 '{self.path}'：{error.strerror or error}。",
                ),
                asked_by=f"-o {self.path}",
            ) from error

    def _write(self, views: Views, lang: Lang, title: str, also: Sequence[Any]) -> list[Path]:
        if self.kind == "report":
            return [report(self.path, views, *also, lang=lang, title=title)]
        results = views.results
        if self.kind == "file":
            names = (
                [self.path]
                if len(results) == 1
                else [self.path.with_stem(f"{self.path.stem}-{i}") for i in range(1, len(results) + 1)]
            )
            return [one.save(name, lang=lang) for one, name in zip(results, names, strict=True)]
        self.path.mkdir(parents=True, exist_ok=True)
        written = [report(self.path / "report.html", views, *also, lang=lang, title=title)]
        for stem, one in zip(_stems(results), results, strict=True):
            written += [one.save(self.path / f"{stem}{ending}", lang=lang) for ending in (".png", ".npz")]
        return written


def _stems(results: Sequence[Result]) -> list[str]:
    return [f"{i:02d}-{one.provenance.method if one.provenance else one.kind}" for i, one in enumerate(results, 1)]


def _check_writable(path: Path, words: str | None) -> None:
    home = next((one for one in (path, *path.absolute().parents) if one.exists()), Path())
    if home.is_file() and home != path:
        raise BadRequest(
            Text(f"'{path}' cannot be written: '{home}' is a file.", f"无法写入 '{path}'：'{home}' 是文件。"),
            asked_by=f"-o {words}",
        )
    if not os.access(home, os.W_OK):
        raise BadRequest(
            Text(
                f"'{path}' cannot be written: no permission for '{home}'.", f"无法写入 '{path}'：没有 '{home}' 的权限。"
            ),
            asked_by=f"-o {words or REPORT}",
        )
