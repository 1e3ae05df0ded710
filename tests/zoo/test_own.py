import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from pellucid.core.errors import BadSetting
from pellucid.zoo.open import open_model

CODE = """
from torch import nn

class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.fc = nn.Linear(width, 2)

class Wide(Net):
    def __init__(self, width):
        super().__init__(width)

class Family:
    @staticmethod
    def small():
        return Net(2)

ready = Net(3)
number = 5

def build(width=7):
    return Net(width)

def words():
    return "no model"

def fails():
    raise RuntimeError("no such thing")
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "nets.py").write_text(CODE)
    return tmp_path / "nets.py"


@pytest.mark.parametrize(("name", "width"), [("Net", 4), ("build", 7), ("ready", 3), ("Family.small", 2)])
def test_classes_functions_and_models(file: Path, name: str, width: int) -> None:
    opened = open_model(f"{file}:{name}")
    assert opened.model.fc.in_features == width and opened.name == name
    assert str(file) in opened.notes[0].en and str(file) in opened.notes[0].zh


def test_a_path_from_the_current_folder(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    before = list(sys.path)
    assert isinstance(open_model("nets.py:Net").model, nn.Module)
    assert isinstance(open_model("./nets.py:Net").model, nn.Module)
    assert sys.path == before


def test_the_current_folder_is_not_searched_for_modules(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one not in ("", ".")])
    with pytest.raises(BadSetting, match="finds no module 'nets'") as caught:
        open_model("nets:Net")
    assert "nets.py" in caught.value.nearest


def test_what_python_can_import(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file.parent / "own_nets_of_test.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(file.parent))
    assert open_model("own_nets_of_test:build").model.fc.in_features == 7
    assert open_model("torch.nn:Identity").name == "Identity"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Nett", "has no 'Nett'"),
        ("Family.large", "has no 'Family.large'"),
        ("Wide", "needs 'width'"),
        ("number", "is int, not a model"),
        ("words", "makes str, not an nn.Module"),
        ("fails", "Building .* failed: RuntimeError: no such thing"),
    ],
)
def test_names_that_are_no_model(file: Path, name: str, words: str) -> None:
    with pytest.raises(BadSetting, match=words) as caught:
        open_model(f"{file}:{name}")
    assert name != "Nett" or caught.value.nearest.startswith("'Net'")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def (", "SyntaxError"),
        ("raise ValueError('broken')", "ValueError: broken"),
        ("import sys; sys.exit(2)", "SystemExit: 2"),
        ("import nowhere_at_all", "No module named 'nowhere_at_all'"),
    ],
)
def test_code_that_fails(tmp_path: Path, code: str, words: str) -> None:
    (tmp_path / "bad.py").write_text(code)
    with pytest.raises(BadSetting, match=f"Running .* failed: .*{words}"):
        open_model(f"{tmp_path}/bad.py:Net")
    assert not any(name.startswith("bad_") for name in sys.modules)


def test_a_neighbour_that_is_not_found_tells_the_way(tmp_path: Path) -> None:
    (tmp_path / "bricks_of_test.py").write_text("")
    (tmp_path / "nets.py").write_text("import bricks_of_test")
    with pytest.raises(BadSetting, match="bricks_of_test") as caught:
        open_model(f"{tmp_path}/nets.py:Net")
    assert f"PYTHONPATH={tmp_path}" in caught.value.hint


def test_no_such_file_or_module(file: Path) -> None:
    with pytest.raises(BadSetting, match="no file") as caught:
        open_model(f"{file.parent}/nest.py:Net")
    assert "'nets.py'" in caught.value.nearest
    with pytest.raises(BadSetting, match=r"finds no module 'no\.such\.thing'"):
        open_model("no.such.thing:Net")


def test_random_weights_are_the_same_each_time_and_are_told(tmp_path: Path) -> None:
    code = "from torch import nn\nready = nn.Linear(3, 2)\ndef made():\n    return nn.Linear(3, 2)\n"
    (tmp_path / "drawn.py").write_text(code)
    for name in ("ready", "made"):
        torch.manual_seed(1)
        first = open_model(f"{tmp_path / 'drawn.py'}:{name}")
        after = torch.rand(1)
        second = open_model(f"{tmp_path / 'drawn.py'}:{name}")
        assert torch.equal(first.model.weight, second.model.weight)
        torch.manual_seed(1)
        assert torch.equal(torch.rand(1), after)
        assert "random (seed 0)" in first.notes[-1].en
