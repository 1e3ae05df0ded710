"""Rules over syntax trees: each takes a tree and gives the lines that break it, with what is wrong there."""

import ast
import re
from collections.abc import Iterator

HOOK = re.compile(r"register_\w*hook|saved_tensors_hooks")
FUNCTIONS = {"Function", "InplaceFunction", "NestedIOFunction"}  # of torch.autograd
MODE = re.compile(r"Torch(Function|Dispatch)Mode")
VAGUE_FILE = re.compile(r"(^|_)(utils?|helpers?|common|misc|tools?)$")
VAGUE_NAME = re.compile(r"_*(get|process)_")

Broken = Iterator[tuple[int, str]]


def names_used(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every name, attribute and imported name, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield node.lineno, name
            case ast.alias(name=name):
                yield node.lineno, name.rpartition(".")[2]


def modules_imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every module that is imported, also inside functions, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=str(module)):
                yield node.lineno, module


def hooks_and_modes(tree: ast.AST) -> Broken:
    """Hooks and function modes."""
    yield from ((line, name) for line, name in names_used(tree) if HOOK.fullmatch(name) or MODE.fullmatch(name))


def autograd_functions(tree: ast.AST) -> Broken:
    """Classes that derive from `torch.autograd.Function`, and its import under any name."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(bases=bases):
                yield from (
                    (node.lineno, ast.unparse(base))
                    for base in bases
                    if ast.unparse(base).rpartition(".")[2] in FUNCTIONS
                )
            case ast.ImportFrom(module="torch.autograd" | "torch.autograd.function", names=names):
                yield from ((node.lineno, alias.name) for alias in names if alias.name.endswith("Function"))


def matplotlib_imports(tree: ast.AST) -> Broken:
    """Imports of matplotlib."""
    yield from ((line, name) for line, name in modules_imported(tree) if name.split(".")[0] == "matplotlib")


def dynamic_imports(tree: ast.AST) -> Broken:
    """Imports by a name that no tool can follow."""
    yield from ((line, name) for line, name in names_used(tree) if name in {"import_module", "__import__"})


def assertions(tree: ast.AST) -> Broken:
    """`assert` statements: a user may run Python without them."""
    yield from ((node.lineno, "assert") for node in ast.walk(tree) if isinstance(node, ast.Assert))


def vague_names(tree: ast.AST) -> Broken:
    """Functions named for nothing: `get_...`, `process_...`."""
    yield from (
        (node.lineno, node.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and VAGUE_NAME.match(node.name)
    )


def late_calls(tree: ast.AST) -> Broken:
    """What `late(...)` is called with; anything but a plain string counts as `"?"`."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="late") | ast.Attribute(attr="late"), args=args):
                plain = args and isinstance(args[0], ast.Constant) and isinstance(args[0].value, str)
                yield node.lineno, args[0].value if plain else "?"
