"""Levels side by side are read as each of them alone; a readout that mixes positions is read the other way."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.registry import find
from tests.methods.decision.streams import WORDS, Speaker, read, speaker, streams, tokens
from tests.networks import seeded

lens, EPS = find("logit_lens"), torch.finfo(torch.float64).eps


class Mixing(Speaker):
    """A speaker whose readout lets positions know of one another, or of where they are."""

    how = "later"

    def forward(self, tokens: Tensor) -> Tensor:
        return self.mixed(super().forward(tokens))

    def mixed(self, scores: Tensor) -> Tensor:
        """The scores as they leave the model."""
        if self.how == "where":
            return scores + torch.arange(scores.shape[1]).to(scores)[:, None] * self.head.weight[:, 0]
        return scores + 0.3 * scores.roll(1 if self.how == "earlier" else -1, 1)


def rows(shown: pl.Result, expected: Tensor) -> float:
    """The largest difference from the scores that are expected."""
    order = [int(one.removeprefix("#")) for one in shown.columns]
    return float(np.abs(shown.values - expected[:, order].numpy()).max())


@pytest.mark.parametrize("count", [3, 4, 5, 6, 9])
def test_however_many_levels_fit_beside_each_other(count: int) -> None:
    model, x = speaker(), tokens(2, count)
    seer = pl.Lens(model)
    views = seer.see(x, lens(values="logit", top=WORDS, examples=2, position=1), target=4)
    for example, shown in enumerate(views[0]):
        expected = torch.stack([read(model, one)[example, 1] for one in streams(model, x)])
        assert rows(shown, expected) <= 1e-12 and shown.facts["gap"] <= 4 * EPS  # rows of a product may round apart
        np.testing.assert_allclose(shown.facts["score"], expected[:, 4], atol=1e-12)
    assert views.cost.forwards == 1 + -(-3 // (count - 2))


@pytest.mark.parametrize("how", ["later", "earlier", "where"])
def test_a_readout_that_mixes_positions_is_read_whole(how: str) -> None:
    model, x = seeded(Mixing)().double(), tokens()
    assert isinstance(model, Mixing)
    model.how = how
    views = pl.Lens(model).see(x, lens(values="logit", top=WORDS), target=4)
    expected = torch.stack([model.mixed(read(model, one))[0, -1] for one in streams(model, x)]).detach()
    assert rows(views[0][0], expected) <= 1e-12
    assert views.cost.forwards > 3


def test_the_target_is_scored_where_it_is_shown() -> None:
    model, x = speaker(), tokens()
    one = lens(position=2)(model, x, target=(5, 4))
    np.testing.assert_allclose(
        one.facts["score"], [read(model, flow)[0, 2, 4].item() for flow in streams(model, x)], rtol=1e-12
    )
    both = lens(position=2)(model, x, target=pl.contrast(4, 7))
    scores = torch.stack([read(model, flow)[0, 2] for flow in streams(model, x)])
    np.testing.assert_allclose(both.facts["score"], scores[:, 4] - scores[:, 7], rtol=1e-10)


def test_a_function_of_the_output_is_followed_with_each_level_as_a_variant() -> None:
    model, x = speaker(), tokens()
    shown = lens()(model, x, target=lambda out: out[:, 0].square().sum(-1))[1]
    expected = [float(read(model, one)[0, 0].square().sum()) for one in streams(model, x)]
    np.testing.assert_allclose(shown.curves["score"], expected, rtol=1e-10)


def test_the_stream_may_be_written_in_place() -> None:
    class Adds(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.head = nn.Embedding(WORDS, 8), nn.Linear(8, WORDS)
            self.parts = nn.ModuleList(nn.Linear(8, 8) for _ in range(4))

        def forward(self, tokens: Tensor) -> Tensor:
            x = self.embed(tokens).clone()
            for part in self.parts:
                x += part(x)
            return self.head(x)

    model, x = seeded(Adds)().double(), tokens()
    shown = lens(values="logit", top=WORDS)(model, x)[0]
    flow = model.embed(x)
    levels = [flow]
    for part in model.parts:
        levels.append(levels[-1] + part(levels[-1]))
    assert rows(shown, torch.stack([model.head(one)[0, -1] for one in levels]).detach()) <= 1e-12
