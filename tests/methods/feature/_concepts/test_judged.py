"""Judged: concepts of several samples, in falling order of their mean importance."""

import pytest
import torch

from pellucid.core.errors import NotApplicable
from pellucid.methods.feature._concepts.bank import Bank
from pellucid.methods.feature._concepts.judged import judged
from pellucid.methods.feature._concepts.pieces import Pieces
from pellucid.methods.feature._concepts.weighed import Weighed
from pellucid.ops.sobol import Indices

HELD = torch.arange(6.0).reshape(2, 3)
BANK = Bank(torch.eye(3), torch.rand(4, 3), 0.8, signed=False, converged=True)
PIECES = Pieces(torch.zeros(4, 3), torch.zeros(4), torch.arange(4))


def sample(total: list[float], drops: list[float], variance: float = 1.0, kept: bool | None = True) -> Weighed:
    found = torch.tensor(total)
    indices = Indices(found, found / 2, found / 10, 0.03, variance)
    return Weighed(HELD, 2.0, 1.0 + drops[0], kept, torch.tensor(drops), indices, 0.5 + drops[0], 10)


def test_means_and_errors_over_samples_in_falling_order() -> None:
    each = [sample([0.1, 0.6, 0.3], [0.1, 1.0, 2.0]), sample([0.2, 0.8, 0.1], [0.3, 1.0, 2.0], kept=False)]
    found = judged(BANK, PIECES, each, "layer")
    assert found.total.tolist() == pytest.approx([0.7, 0.2, 0.15]) and found.acting == pytest.approx(1.05)
    assert found.error.tolist() == pytest.approx([0.1, 0.1, 0.05])  # half of how far two samples are apart
    assert found.acting_error == pytest.approx(0.05) and found.drop.tolist() == pytest.approx([1.0, 2.0, 0.2])
    assert torch.equal(found.bank.parts, torch.eye(3)[[1, 2, 0]])
    assert torch.equal(found.each[0].coefficients, HELD[:, [1, 2, 0]])
    assert found.scores == pytest.approx((2.0, 1.2)) and found.kept == (1, 2) and found.rebuilt == pytest.approx(0.7)


def test_of_one_sample_the_errors_of_its_own_estimate() -> None:
    found = judged(BANK, PIECES, [sample([0.1, 0.6, 0.3], [0.0, 0.0, 0.0], kept=None)], "layer")
    assert found.error.tolist() == pytest.approx([0.06, 0.03, 0.01]) and found.acting_error == 0.03
    assert found.kept is None


def test_samples_whose_score_does_not_move_do_not_count() -> None:
    still = sample([float("nan")] * 3, [0.0, 0.0, 0.0], variance=0.0)
    found = judged(BANK, PIECES, [still, sample([0.1, 0.6, 0.3], [0.0, 0.0, 0.0])], "layer")
    assert found.flat == 1 and found.total.tolist() == pytest.approx([0.6, 0.3, 0.1])
    with pytest.raises(NotApplicable, match="does not move"):
        judged(BANK, PIECES, [still], "layer")
