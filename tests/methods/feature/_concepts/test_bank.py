"""The bank: planted parts are found again, and more iterations never make it worse."""

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import NMF
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.methods.feature._concepts.bank import Bank, bank_of

PARTS = torch.tensor(
    [[1.0, 0.5, 0.0, 0.0, 0.2], [0.0, 0.0, 0.7, 1.0, 0.0], [0.3, 0.0, 0.0, 0.4, 1.0]], dtype=torch.float64
)


def sums(count: int = 60) -> tuple[Tensor, Tensor]:
    """Sums of the parts, some of one part alone, and their coefficients."""
    held = torch.rand(count, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    held = held * (torch.rand(count, 3, generator=torch.Generator().manual_seed(1)) < 0.5)
    held[:3] = torch.eye(3)
    return held @ PARTS, held


def matched(parts: Tensor) -> Tensor:
    """Cosines of planted parts and those found, the best one-to-one match."""
    like = PARTS / PARTS.norm(dim=1, keepdim=True) @ (parts / parts.norm(dim=1, keepdim=True)).T
    return like[linear_sum_assignment(-like.numpy())]


def test_planted_parts_are_found_up_to_order_and_length() -> None:
    vectors, _ = sums()
    bank = bank_of(vectors, 3, 0, "layer", 20000)
    assert float(matched(bank.parts).min()) > 0.999 and bank.rebuilt > 0.9999
    assert torch.allclose(bank.parts.norm(dim=1), torch.ones(3, dtype=torch.float64)) and not bank.signed
    assert float(bank.parts.min()) >= 0 and float(bank.coefficients.min()) >= 0
    assert torch.allclose(bank.of(vectors), bank.coefficients)


def test_more_iterations_never_leave_more() -> None:
    vectors = torch.rand(40, 12, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    shares = [bank_of(vectors, 4, 0, "layer", rounds) for rounds in (1, 2, 4, 8, 16, 64, 256)]
    left = [1 - one.rebuilt for one in shares]
    assert all(later <= earlier + 1e-9 for earlier, later in itertools.pairwise(left))
    assert left[-1] < left[0] and not shares[0].converged and shares[-1].converged


def test_no_worse_than_sklearn_and_of_the_same_parts() -> None:
    vectors = torch.rand(50, 9, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    theirs = NMF(4, init="nndsvda", random_state=0, max_iter=600)  # pyright: ignore[reportArgumentType]
    held = theirs.fit_transform(vectors.numpy())
    bank = bank_of(vectors, 4, 0, "layer")
    lengths = np.linalg.norm(theirs.components_, axis=1, keepdims=True)
    assert np.allclose(bank.parts, theirs.components_ / lengths, atol=1e-12)
    share = 1 - np.linalg.norm(vectors.numpy() - held @ theirs.components_) ** 2 / np.linalg.norm(vectors) ** 2
    assert bank.rebuilt >= share - 1e-12
    assert np.allclose(bank.coefficients, held * lengths.T, atol=5e-3), "theirs were not yet at rest"


def test_of_signed_vectors_nothing_is_thrown_away() -> None:
    vectors, held = sums()
    mirrored = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0], dtype=torch.float64)
    bank = bank_of(vectors * mirrored, 3, 0, "layer", 20000)
    assert bank.signed and bank.rebuilt > 0.9999 and float(matched(bank.parts * mirrored).min()) > 0.999
    assert held.shape == bank.coefficients.shape


def test_another_order_changes_nothing_else() -> None:
    vectors, _ = sums()
    bank = bank_of(vectors, 3, 0, "layer")
    turned: Bank = bank.ordered(torch.tensor([2, 0, 1]))
    assert torch.allclose(turned.coefficients @ turned.parts, bank.coefficients @ bank.parts)
    assert torch.equal(turned.parts[0], bank.parts[2])


def test_what_cannot_be_factored_is_told() -> None:
    with pytest.raises(NotApplicable, match="5 concepts cannot be made of 2 vectors of 'layer'"):
        bank_of(torch.rand(2, 3), 5, 0, "layer")
    with pytest.raises(NotApplicable, match="zero"):
        bank_of(torch.zeros(9, 3), 2, 0, "layer")


def test_more_concepts_than_channels() -> None:
    bank = bank_of(torch.rand(20, 2, generator=torch.Generator().manual_seed(0)), 4, 0, "layer")
    assert bank.parts.shape == (4, 2) and bank.rebuilt > 0.999
