"""The project's own files, read once: what the rules of this folder look at."""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "pellucid"
PYTHON_FOLDERS = ("src", "tests", "examples", "benchmarks", "tools", "docs")


@dataclass(frozen=True)
class Source:
    """One Python file; `name` is its path inside the package (or inside the repository, for files outside it)."""

    path: Path
    name: str
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        """Number of lines."""
        return self.text.count("\n") + (not self.text.endswith("\n"))


def read(path: Path, root: Path) -> Source:
    """Read and parse one file."""
    text = path.read_text(encoding="utf-8")
    return Source(path, path.relative_to(root).as_posix(), text, ast.parse(text, str(path)))


@cache
def package() -> tuple[Source, ...]:
    """Every module of `pellucid`."""
    return tuple(read(path, PACKAGE) for path in sorted(PACKAGE.rglob("*.py")))


@cache
def repository() -> tuple[Source, ...]:
    """Every Python file of the repository, the package included."""
    paths = [path for folder in PYTHON_FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return tuple(read(path, ROOT) for path in paths)


def method_files() -> tuple[Source, ...]:
    """The files that each hold one visualization."""
    return tuple(source for source in package() if is_method(source))


def is_method(source: Source) -> bool:
    """Whether a file of `methods/` holds a visualization."""
    return source.name.startswith("methods/") and bool(visualizations(source.tree))


def visualizations(tree: ast.Module) -> list[str]:
    """Names of the functions that `@method(...)` decorates."""
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        for mark in node.decorator_list
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "method"
    ]
