"""Files, classes and functions stay small enough to be read at one sitting."""

import ast

import pytest

from tests.architecture.source import is_method, package, repository

FILE, METHOD_FILE, INIT, CLASS, FUNCTION = 400, 150, 70, 150, 50

# What may be longer, and why: "file" or "file:name" -> (lines, reason).
LONGER: dict[str, tuple[int, str]] = {}


def limit(name: str, usual: int) -> int:
    return LONGER.get(name, (usual, ""))[0]


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> int:
    """Lines of a function or class from its first to its last, docstrings left out: words do not make it long."""
    return node.end_lineno - node.lineno + 1 - sum(map(said, ast.walk(node)))


def said(node: ast.AST) -> int:
    """Lines of the docstring of a function or class."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return 0
    first = node.body[0]
    words = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    return first.end_lineno - first.lineno + 1 if words else 0


def test_files():
    long = [(source.name, source.lines) for source in repository() if source.lines > limit(source.name, FILE)]
    assert not long


def test_method_files():
    long = [
        (source.name, source.lines)
        for source in package()
        if is_method(source) and source.lines > limit(source.name, METHOD_FILE)
    ]
    assert not long


def test_package_files_that_say_what_is_public():
    long = [
        (source.name, source.lines)
        for source in package()
        if source.path.name == "__init__.py" and source.lines > limit(source.name, INIT)
    ]
    assert not long


@pytest.mark.parametrize(
    ("kind", "usual"),
    [
        pytest.param(ast.ClassDef, CLASS, id="classes"),
        pytest.param((ast.FunctionDef, ast.AsyncFunctionDef), FUNCTION, id="functions"),
    ],
)
def test_classes_and_functions(kind, usual):
    long = []
    for source in package():
        for node in ast.walk(source.tree):
            if isinstance(node, kind):
                size = body_lines(node)
                if size > limit(f"{source.name}:{node.name}", usual):
                    long.append((f"{source.name}:{node.name}", size))
    assert not long


def test_allowances_are_needed():
    sizes = {source.name: source.lines for source in (*package(), *repository())}
    for source in package():
        sizes |= {
            f"{source.name}:{node.name}": node.end_lineno - node.lineno + 1
            for node in ast.walk(source.tree)
            if isinstance(node, ast.ClassDef | ast.FunctionDef)
        }
    assert not [name for name in LONGER if name not in sizes]
    assert all(reason for _, reason in LONGER.values())


def test_a_docstring_does_not_count():
    node = ast.parse('def f():\n    """One.\n\n    Two.\n    """\n    return 1\n').body[0]
    assert body_lines(node) == 2
