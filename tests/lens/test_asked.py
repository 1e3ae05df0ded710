import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.core.errors import BadTarget, NotApplicable
from pellucid.engine.looker import Looker
from pellucid.engine.targets.target import Contrast, Rival
from pellucid.inputs.read import read
from pellucid.lens.asked import Asking, cut
from tests.networks import NETWORKS

MASKS = torch.eye(3, dtype=torch.bool)[:, None].expand(3, 3, 3)


def asking(x: object = None, model: nn.Module | None = None) -> Asking:
    return Asking(Looker(model or nn.Linear(4, 3)), read, None if x is None else read(x))


def test_areas_learn_the_grid_of_the_input() -> None:
    picture, tokens, rows = torch.zeros(2, 3, 6, 8), torch.zeros(2, 5, dtype=torch.long), torch.zeros(2, 4)
    for x, frame in ((picture, (6, 8)), (tokens, (5,)), (rows, ()), (None, ())):
        ready = asking(x).ready(Contrast(pl.box(0, 0, 2, 2), Rival(pl.region([True]))))
        assert ready.a.frame == ready.b.of.frame == frame


def test_a_reference_is_run_once_and_counted() -> None:
    model, x = nn.Linear(4, 3), torch.randn(2, 4)
    one = asking(x, model)
    ready = one.ready(pl.similarity(torch.ones(1, 4)))
    assert torch.allclose(ready.embedding, model(torch.ones(1, 4)).detach()) and not ready.embedding.requires_grad
    assert (one.cost.forwards, one.cost.samples) == (1, 1) and one.ready(ready) is ready
    vector = one.ready(pl.similarity(np.ones(3)))
    assert vector.embedding.tolist() == [1, 1, 1] and one.cost.forwards == 1


def test_a_reference_that_the_model_cannot_take() -> None:
    with pytest.raises(pl.ModelFailed):
        asking(torch.randn(2, 6), nn.Linear(4, 3)).ready(pl.similarity(torch.ones(1, 6)))
    with pytest.raises(NotApplicable, match="gave no tensor"):
        asking(torch.randn(2, 4), _Words()).ready(pl.similarity(torch.ones(1, 4)))


class _Words(nn.Module):
    def forward(self, x: torch.Tensor) -> list[str]:
        return ["a"] * len(x)


def test_every_target_is_cut_for_its_block() -> None:
    region = asking(torch.zeros(3, 1, 3, 3)).ready(pl.region(MASKS, [4, 5, 6]))
    part = cut(region, (1, 3), 3)
    assert np.array_equal(part.mask, MASKS[1:].numpy()) and part.target == [5, 6]
    assert np.array_equal(cut(asking(torch.zeros(3, 1, 3, 3)).ready(pl.region(MASKS[0])), (1, 3), 3).mask, MASKS[0])
    assert cut(pl.box(0, 0, 1, 1, [4, 5, 6]), (0, 1), 3).target == [4]
    assert cut(Contrast([1, 2, 3], Rival([4, 5, 6])), (1, 3), 3) == Contrast([2, 3], Rival([5, 6]))
    reference = asking(torch.zeros(3, 4)).ready(pl.similarity(torch.arange(12.0).reshape(3, 4)))
    assert cut(reference, (1, 2), 3).embedding.shape == (1, 3)
    assert cut(torch.tensor([7, 8, 9]), (0, 2), 3) == [7, 8] and cut("tabby", (0, 2), 3) == "tabby"
    with pytest.raises(BadTarget, match="2 targets for 3 examples"):
        cut([1, 2], (0, 1), 3)


def test_random_states_are_as_before() -> None:
    network = NETWORKS["article_net"]
    before = torch.get_rng_state()
    pl.saliency()(network.build(), network.x(1), target=pl.similarity(torch.zeros(1, 3, 32, 32)))
    assert torch.equal(torch.get_rng_state(), before)
