"""The rules of the house, over every syntax tree of the package."""

import ast

import pytest

from tests.architecture import rules
from tests.architecture.source import Source, package

# Rule, the places where what it finds is at home, and the reason.
AT_HOME = {
    rules.hooks_and_modes: ("engine/",),  # one place installs everything and always removes it
    rules.autograd_functions: (),  # rules are hooks on autograd nodes
    rules.matplotlib_imports: ("render/static/",),  # one renderer draws with it, loaded late
    rules.assertions: (),  # errors for users are exceptions with words
    rules.vague_names: (),
    rules.dynamic_imports: (
        "core/late.py",  # the calls that go upward
        "__init__.py",  # public names, loaded when used
        "registry.py",  # discovery: the folder is the list of methods
        "diagnose/check.py",  # and of checks
        "zoo/",  # a user's own module, named on the command line
        "diagnose/__init__.py",  # discovery: the folder is the list of checks
    ),
}
SNIPPETS = {
    rules.hooks_and_modes: [
        "module.register_forward_pre_hook(f)",
        "node.register_prehook(f)",
        "x.register_post_accumulate_grad_hook(f)",
        "from torch.overrides import TorchFunctionMode",
        "class A(torch.utils._python_dispatch.TorchDispatchMode): pass",
        "with torch.autograd.graph.saved_tensors_hooks(a, b): pass",
    ],
    rules.autograd_functions: [
        "class A(torch.autograd.Function): pass",
        "class A(Function): pass",
        "from torch.autograd import Function as F",
        "def f():\n class A(autograd.function.InplaceFunction): pass",
    ],
    rules.matplotlib_imports: ["import matplotlib.pyplot as plt", "def f():\n from matplotlib import cm"],
    rules.assertions: ["def f(x):\n assert x"],
    rules.vague_names: ["def get_layer(): pass", "class A:\n def _process_batch(self): pass"],
    rules.dynamic_imports: ["importlib.import_module(name)", "__import__('os')"],
}
# The four calls that go upward: who calls, and where to.
UPWARD = {
    ("registry", "pellucid.lens"),
    ("results", "pellucid.render"),
    ("results", "pellucid.notebook"),
    ("results", "torch"),
}


@pytest.mark.parametrize("rule", AT_HOME, ids=lambda rule: rule.__name__)
def test_rule_holds(rule):
    broken = [
        f"{source.name}:{line} {what}"
        for source in package()
        if not source.name.startswith(AT_HOME[rule])
        for line, what in rule(source.tree)
    ]
    assert not broken, f"{rule.__doc__} Found at {broken}"


@pytest.mark.parametrize(
    ("rule", "code"),
    [(rule, code) for rule, codes in SNIPPETS.items() for code in codes],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_rule_sees_what_it_forbids(rule, code):
    assert list(rule(ast.parse(code)))


@pytest.mark.parametrize("code", ["get_layer = 1", "x.widget_process_()", "def target_get(): pass", "import hooks"])
def test_rules_leave_the_rest_alone(code):
    assert not [found for rule in AT_HOME for found in rule(ast.parse(code))]


def test_four_calls_go_upward():
    calls = {
        (top_level(source), name.partition(":")[0], source.name)
        for source in package()
        if source.name != "core/late.py"
        for _, name in rules.late_calls(source.tree)
    }
    found = {
        (caller, next((to for _, to in UPWARD if f"{target}.".startswith(f"{to}.")), target))
        for caller, target, _ in calls
    }
    assert found == UPWARD, f"upward calls of the package: {sorted(calls)}"


def test_late_calls_are_seen():
    assert list(rules.late_calls(ast.parse("late('a:b')\nlate(name)"))) == [(1, "a:b"), (2, "?")]


def test_no_file_is_named_for_nothing():
    assert not [source.name for source in package() if rules.VAGUE_FILE.search(source.path.stem)]


def top_level(source: Source) -> str:
    """The layer of the house that a file belongs to."""
    return source.name.split("/")[0].removesuffix(".py")
