"""Columns of the ledger, and maps whose captions are true."""

import numpy as np
import torch

import pellucid as pl
from tests.networks import NETWORKS


def test_every_example_has_its_own_ledger() -> None:
    model, x = NETWORKS["residual"].build().double(), NETWORKS["residual"].x(2).double()
    both = pl.hierarchy(examples=2)(model, x, target=[1, 2])
    alone = pl.hierarchy()(model, x[1:], target=2)
    np.testing.assert_allclose(both[1].values, alone[0].values, atol=1e-14)
    np.testing.assert_allclose(both[2].values[1:], alone[1].values, atol=1e-14)


def test_captions_tell_the_evidence_and_level() -> None:
    ledger, maps = pl.hierarchy()(NETWORKS["residual"].build(), NETWORKS["residual"].x(1))
    told = [caption.en for caption in maps.captions[1:]]
    for name, words in zip(maps.facts["levels"], told, strict=True):
        evidence = ledger.curves["evidence"][ledger.labels.index(name)]
        assert words == f"{name}: {evidence:+.3g}"


def test_a_series_is_drawn_as_strips_and_rows_have_no_maps() -> None:
    strips = pl.hierarchy()(NETWORKS["series"].build(), NETWORKS["series"].x(1))[1]
    assert all(image.shape == (1, 20) for image in strips.images) and strips.axes[-1] == "time"
    rows = pl.hierarchy()(torch.nn.Linear(6, 3), torch.ones(1, 6))
    assert rows.kind == "series"
