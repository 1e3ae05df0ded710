import subprocess
import sys

import pytest

import pellucid as pl
from pellucid import registry


def test_every_public_name_is_there_and_listed() -> None:
    for name in (*pl._HOMES, *registry.names()):
        assert getattr(pl, name) is not None
        assert name in dir(pl)


def test_a_method_is_its_factory() -> None:
    assert pl.grad_cam(layer="layer4") == registry.view("grad_cam").spec(layer="layer4")


def test_an_unknown_name_says_what_is_near() -> None:
    with pytest.raises(AttributeError, match=r"pellucid has no 'gradcam'; nearest: .*grad_cam"):
        pl.gradcam


def test_nothing_heavy_is_loaded_with_the_package() -> None:
    code = (
        "import sys, pellucid; print([m for m in ('torch', 'numpy', 'PIL', 'matplotlib', 'rich') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
