"""Tests mirror the source: `src/pellucid/PATH/NAME.py` is tested by `tests/PATH/test_NAME.py`."""

import ast
from pathlib import Path

from tests.architecture.source import PACKAGE, ROOT, Source, method_files, package

TESTS = ROOT / "tests"
# Folders of tests that look at many modules at once.
ACROSS = ("architecture", "contract", "properties", "oracle", "golden", "examples", "benchmarks", "docs")
# Modules without a test file of their own, and why.
UNTESTED: dict[str, str] = {}
# Test files without a module of their own, and why.
WITHOUT_MODULE = {"test_networks.py": "tests the networks of tests/networks themselves"}


def mirror(source: Source) -> Path:
    """Where the tests of a module are; those of a package's `__init__.py` are beside its folder."""
    path = Path(source.name)
    if path.name == "__init__.py":
        return TESTS / path.parent.parent / f"test_{(PACKAGE / path).parent.name}.py"
    return TESTS / path.parent / f"test_{path.name}"


def has_code(tree: ast.Module) -> bool:
    """Whether a module does anything: defines a function. Records, constants and imports have nothing to test."""
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(tree))


def test_every_module_has_its_tests():
    missing = [
        f"{source.name} -> {mirror(source).relative_to(ROOT)}"
        for source in package()
        if has_code(source.tree) and source.name not in UNTESTED and not mirror(source).is_file()
    ]
    assert not missing, "no test file for:\n" + "\n".join(missing)


def test_every_test_file_has_its_module():
    known = {mirror(source) for source in package()}
    astray = [
        path.relative_to(TESTS).as_posix()
        for path in sorted(TESTS.rglob("test_*.py"))
        if path.relative_to(TESTS).parts[0] not in ACROSS and path not in known
    ]
    assert not set(astray) - set(WITHOUT_MODULE)


def test_exceptions_are_needed():
    names = {source.name: source for source in package()}
    assert not [name for name in UNTESTED if name not in names or mirror(names[name]).is_file()]
    assert not [name for name in WITHOUT_MODULE if not (TESTS / name).is_file()]


def test_every_method_has_an_example():
    missing = [
        source.path.stem
        for source in method_files()
        if not (ROOT / "examples" / "methods" / source.path.name).is_file()
    ]
    assert not missing


def test_every_example_has_its_method():
    stems = {source.path.stem for source in method_files()}
    astray = [path.name for path in (ROOT / "examples" / "methods").glob("*.py") if path.stem not in stems]
    assert not astray
