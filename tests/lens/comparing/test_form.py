"""What an output is."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.core.errors import BadInput
from pellucid.lens.comparing.form import Form, form
from tests.lens.comparing.kinds import WORDS, Embedder, Finder, Painter, Writer, measured, pictures, ruler, texts


def seen(model: nn.Module, x: Tensor) -> Form:
    return pl.Lens(model.eval()).sweep(list(x), form())[0].facts["form"]


def test_it_is_told_by_the_shape_and_by_what_is_read():
    assert seen(Writer(), texts()) == Form("tokens", WORDS, text=True, causal=True)
    assert seen(Writer(ahead=True), texts()) == Form("tokens", WORDS, text=True)
    assert seen(Embedder(pooled=True), texts()) == Form("one", 6, text=True)
    assert seen(Painter(), pictures()) == Form("none", part=True) and seen(ruler(), measured()) == Form("one", 1)
    assert seen(Finder(), pictures()) == Form("detections")


def test_an_output_without_a_row_for_each_sample_is_none():
    class Summed(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.sum((1,))

    found = seen(Summed(), measured())
    assert found == Form("none") and "no row of numbers" in str(found.undecided(pl.Lens(Summed()), labelled=True))


def test_the_largest_number_is_a_decision_where_numbers_are_scores():
    writer, embedder = pl.Lens(Writer()), pl.Lens(Embedder())
    assert seen(Writer(), texts()).undecided(writer, labelled=False) is None
    pooled = Form("one", 6, text=True)
    assert pooled.undecided(embedder, labelled=False) is not None and pooled.undecided(embedder, labelled=True) is None
    assert pooled.undecided(pl.Lens(Embedder(), labels=list("abcdef")), labelled=False) is None
    assert Form("one", 6).undecided(embedder, labelled=False) is None
    assert "one number" in str(Form("one", 1).undecided(embedder, labelled=True))


def test_what_the_model_calls_logits_are_scores():
    class Named(Embedder):
        def forward(self, input_ids: Tensor) -> dict[str, Tensor]:
            return {"hidden": self.words(input_ids), "logits": self.out(self.words(input_ids)).mean(1)}

    assert seen(Named(), texts()) == Form("none", scores=True, part=True)
    assert Form("one", 6, text=True, scores=True).undecided(pl.Lens(Named()), labelled=False) is None


def test_data_that_cannot_be_read_are_refused():
    class Broken(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return 2

        def __getitem__(self, _: int) -> Any:
            raise OSError("gone")

    with pytest.raises(BadInput, match="none of the 2"):
        pl.Lens(ruler()).sweep(Broken(), form())
