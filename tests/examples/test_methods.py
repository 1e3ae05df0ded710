import ast
import runpy
import sys
from pathlib import Path

import pytest
from PIL import Image

from pellucid import registry

EXAMPLES = Path(__file__).parents[2] / "examples" / "methods"
LINES, OWN_NETWORK = 20, 30  # the second without the network, where an example writes and trains its own


@pytest.mark.parametrize("name", ["grad_cam", "weights"])
def test_an_example_writes_its_picture(name, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--out", str(tmp_path / "picture.png")])
    result = runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")["result"]
    assert result.provenance.method == name and result.provenance.model == "EfficientNet-Lite0"
    with Image.open(tmp_path / "picture.png") as picture:
        assert min(picture.size) > 400
    assert result.describe() in capsys.readouterr().out


@pytest.mark.parametrize("name", registry.names())
def test_an_example_is_short_and_shows_its_method(name):
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    tree = ast.parse(text)
    written = [one for one in tree.body if isinstance(one, (ast.ClassDef, ast.FunctionDef))]
    lines = len(text.splitlines()) - sum((one.end_lineno or 0) - one.lineno + 1 for one in written)
    assert lines <= (OWN_NETWORK if written else LINES) and ast.get_docstring(tree)
    assert f"pl.{name}(" in text and f"examples/out/{name}.png" in text
    named = {node.id for one in tree.body if isinstance(one, ast.Assign) for node in ast.walk(one) if _bound(node)}
    assert "result" in named and "result.save(asked.out)" in text, "what the documentation draws is what it saves"


def _bound(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
