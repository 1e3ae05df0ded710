"""Results to files."""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile

from pellucid.core.errors import BadRequest
from pellucid.core.late import late
from pellucid.core.text import Text
from pellucid.results.encode import encode, to_json, to_npz
from pellucid.results.result import Lang, Result, Theme

PICTURES = ("png", "svg", "pdf")
DATA: dict[str, Callable[[Result], bytes]] = {"json": to_json, "npz": to_npz, "safetensors": encode}
GRAPHS = ("dot", "mmd")
ENDINGS = (*PICTURES, "html", *DATA, *GRAPHS)


def save(
    result: Result, path: str | os.PathLike[str], *, theme: Theme = "light", lang: Lang = "en", cmap: str | None = None
) -> Path:
    """Write `result` to `path` in the form that its ending names; see `Result.save`."""
    path = Path(path)
    ending = path.suffix.lower().lstrip(".")
    if ending not in ENDINGS:
        raise BadRequest(
            Text(
                f"A result is not written as '{path.name}': unknown ending '{path.suffix}'.",
                f"结果不能存为 '{path.name}'：未知的扩展名 '{path.suffix}'。",
            ),
            asked_by=f"save({str(path)!r})",
            nearest=", ".join(f".{name}" for name in ENDINGS),
            hint=f"save('{path.stem or 'result'}.png')",
        )
    if ending == "html":
        late("pellucid.render.report:save_report")([result], path, lang=lang)
    elif ending in GRAPHS:
        if result.kind != "graph":
            raise BadRequest(
                Text(
                    f"Only a graph is written as '.{ending}', and this is a {result.kind}.",
                    f"只有计算图能存为 '.{ending}'。",
                ),
                asked_by=f"save({str(path)!r})",
                hint=f"save('{path.stem or 'result'}.png')",
            )
        write(path, _as_graph(ending)(result))
    elif ending in PICTURES:
        write(path, late("pellucid.render.static:picture")(result, ending, theme=theme, lang=lang, cmap=cmap))
    else:
        write(path, DATA[ending](result))
    return path


def _as_graph(ending: str) -> Callable[[Result], bytes]:
    return late("pellucid.render.dot:to_dot") if ending == "dot" else late("pellucid.render.mermaid:to_mermaid")


def write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; missing folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as part:
        temporary = Path(part.name)
        try:
            part.write(data)
            part.flush()
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
