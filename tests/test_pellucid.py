import subprocess
import sys
from pathlib import Path

import pytest

import pellucid as pl
from pellucid import registry

SOURCE = str(Path(pl.__file__).parents[1])


@pytest.mark.parametrize("name", sorted(pl._HOMES))
def test_every_public_name_is_where_it_is_said_to_be(name):
    value = getattr(pl, name)
    assert value is getattr(sys.modules[pl._HOMES[name]], name) and vars(pl)[name] is value


def test_names_are_listed_without_being_loaded():
    assert set(pl._HOMES) | set(registry.names()) | {"__version__"} <= set(dir(pl))


@pytest.mark.parametrize(
    ("name", "near"), [("Lenz", "Lens"), ("gradcam", "grad_cam"), ("NotAplicable", "NotApplicable")]
)
def test_a_name_that_does_not_exist_comes_with_the_nearest(name, near):
    with pytest.raises(AttributeError, match=f"pellucid has no '{name}'; nearest: .*{near}"):
        getattr(pl, name)


@pytest.mark.parametrize("name", ["_private", "__wrapped__", "_repr_html_"])
def test_what_tools_ask_for_is_simply_not_there(name):
    assert not hasattr(pl, name)


HEAVY = "{'torch', 'numpy', 'matplotlib', 'PIL', 'pellucid.registry'}"


def test_importing_loads_nothing():
    code = f"import sys, pellucid; print(sorted(set(sys.modules) & {HEAVY}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": SOURCE}
    )
    assert done.stdout.strip() == "[]"
