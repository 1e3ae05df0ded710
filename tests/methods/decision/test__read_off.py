"""Reading a class off: in chunks, by names, and from where on it stays the nearest."""

import numpy as np
import pytest
import torch
from torch import Tensor

import pellucid as pl
from pellucid.methods.decision import _read_off
from tests.networks import NETWORKS


def coloured(count: int) -> tuple[Tensor, Tensor]:
    """Pictures of two classes, red and blue."""
    shown, labels = torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(0)), torch.arange(count) % 2
    shown[labels == 0, 0] += 1.0
    shown[labels == 1, 2] += 1.0
    return shown, labels


def test_chunks_do_not_change_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, labels = coloured(20)
    model = NETWORKS["article_net"].build()
    whole = pl.hierarchy(labelled=(shown, labels))(model, shown[:1], target=0)[-1]
    monkeypatch.setattr(_read_off, "ROWS", 7)
    views = pl.Lens(model).see(shown[:1], pl.hierarchy(labelled=(shown, labels)), target=0)
    np.testing.assert_allclose(views[0][-1].values, whole.values, atol=1e-5)
    assert views.cost.forwards == 1 + 3


def test_names_are_those_of_the_lens() -> None:
    shown, labels = coloured(8)
    names = [f"class {i}" for i in range(10)]
    lens = pl.Lens(NETWORKS["article_net"].build(), labels=names)
    by_name = tuple(names[int(one)] for one in labels)
    one, two = (
        lens.see(shown[:1], pl.hierarchy(labelled=(shown, given)), target=0)[0][-1] for given in (by_name, labels)
    )
    np.testing.assert_array_equal(one.values, two.values)


def test_the_mark_is_where_the_class_stays_the_nearest() -> None:
    shown, labels = coloured(40)
    model = NETWORKS["article_net"].build()
    for i in range(4):
        read = pl.hierarchy(labelled=(shown, labels))(model, shown[i : i + 1], target=int(labels[i]))[-1]
        wrong = np.flatnonzero(read.curves["margin"] <= 0)
        last = int(wrong[-1]) + 1 if len(wrong) else 0
        stays = last < len(read.labels)
        assert list(read.marks) == ([last] if stays else [])
        assert read.facts["stays from"] == (read.labels[last] if stays else "")
