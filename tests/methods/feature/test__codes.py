"""Codes: what a k-means over all vectors gives, and the identities that hold for any."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from torch import Tensor, nn

import pellucid as pl
from pellucid.core.errors import NotApplicable
from pellucid.core.sites import Place
from pellucid.engine.roles import Layout
from pellucid.engine.sweeps.request import Gathered
from pellucid.methods.feature._codes import Codes, codes_of, nearest


def vectors(count: int = 200, channels: int = 9, seed: int = 0) -> Tensor:
    """Correlated ones, so that directions differ in variance."""
    draw = torch.Generator().manual_seed(seed)
    mixing = torch.randn(channels, channels, generator=draw) * torch.linspace(3, 0.1, channels)
    return torch.randn(count, channels, generator=draw) @ mixing + 5


def gathered(found: Tensor, **state: Tensor) -> Gathered:
    """A sample of vectors, ten of each input."""
    number = torch.arange(len(found))
    known = {
        "vectors": found,
        "ordinals": number // 10,
        "positions": number % 10,
        "seen": torch.tensor(len(found)),
    }
    return Gathered(Place("x"), "x", known | state, (1, found.shape[1], 10), Layout("channels_first", (10,)))


def coded(found: Tensor, codes: int = 5, dimensions: int = 32, seed: int = 0, **given: Any) -> Codes:
    return codes_of(gathered(found), codes, dimensions, seed, unit_length=given.get("unit_length", False))


def test_it_is_the_k_means_of_all_vectors_from_the_same_start() -> None:
    found = vectors()
    made = coded(found)
    naive = KMeans(5, n_init=4, random_state=0).fit(
        (found.double() - found.double().mean(0)).numpy() @ made.directions.T.numpy()
    )
    by_place = naive.cluster_centers_ @ made.directions.numpy() + found.double().mean(0).numpy()
    nearest_to = np.linalg.norm(by_place[:, None] - made.vectors.numpy()[None], axis=2)
    assert nearest_to.min(0).max() < 1e-5 and set(nearest_to.argmin(0)) == set(range(5))
    assert made.within == pytest.approx(
        naive.inertia_ / float((found.double() - found.double().mean(0)).square().sum())
    )


def test_each_code_is_the_mean_of_its_members_and_the_nearest_of_each() -> None:
    found = vectors()
    made = coded(found)
    for code in range(5):
        assert torch.allclose(made.vectors[code], found[made.assignment == code].double().mean(0), atol=1e-8)
    every = torch.cdist(found.double(), made.vectors)
    assert torch.equal(made.assignment, every.argmin(1)) and torch.equal(made.assign(found), made.assignment)


def test_total_variance_is_within_and_between() -> None:
    made = coded(vectors(), dimensions=4)
    total = made.points.square().sum()
    between = (made.usage * len(made.points) * made.centres.square().sum(1)).sum()
    assert float(between / total) + made.within == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("dimensions", [1, 3, 6, 9, 40])
def test_what_the_directions_leave_out_is_the_dropped_eigenvalues(dimensions: int) -> None:
    found = vectors().double()
    made = coded(found, dimensions=dimensions)
    centred = found - found.mean(0)
    eigenvalues = torch.linalg.svdvals(centred).square()
    error = (centred - made.points @ made.directions).square().sum()
    assert float(error) == pytest.approx(float(eigenvalues[dimensions:].sum()), abs=1e-8 * float(eigenvalues.sum()))
    assert 1 - made.kept == pytest.approx(float(eigenvalues[dimensions:].sum() / eigenvalues.sum()), abs=1e-9)
    assert torch.allclose(made.directions @ made.directions.T, torch.eye(len(made.directions), dtype=torch.float64))


def test_planted_clusters_are_found() -> None:
    draw = torch.Generator().manual_seed(2)
    middles = 40 * torch.randn(6, 12, generator=draw)
    sizes = [60, 50, 40, 30, 20, 10]
    truth = torch.repeat_interleave(torch.arange(6), torch.tensor(sizes))[torch.randperm(210, generator=draw)]
    made = coded(middles[truth] + 0.1 * torch.randn(210, 12, generator=draw), codes=6)
    assert torch.equal(made.assignment, truth), "codes stand in falling order of use, as the clusters were made"
    assert torch.allclose(made.usage * 210, torch.tensor(sizes).double())
    assert torch.allclose(made.vectors.float(), middles, atol=0.2)


def test_as_many_codes_as_different_vectors_leave_nothing() -> None:
    different = vectors(7)
    made = coded(different.repeat(10, 1), codes=7)
    assert made.within < 1e-12 and made.perplexity == pytest.approx(7)
    with pytest.raises(NotApplicable, match="7 different vectors on these data, fewer than 8 codes"):
        coded(different.repeat(10, 1), codes=8)


def test_zeros_of_either_sign_are_one_vector() -> None:
    with pytest.raises(NotApplicable, match="1 different"):
        coded(torch.tensor([[0.0, 1.0], [-0.0, 1.0]]), codes=2)


def test_perplexity_is_the_number_of_equally_used_codes() -> None:
    usage = torch.tensor([0, 0, 1, 1, 2, 2, 2, 3])
    made = Codes(
        *(torch.zeros(4, 1),) * 2, torch.zeros(4, 1), torch.zeros(8, 1), usage, usage, usage, 1.0, 0.0, 8, False
    )
    shares = np.array([2, 2, 3, 1]) / 8
    assert made.perplexity == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))


def test_the_order_in_which_vectors_come_has_no_say() -> None:
    found, order = vectors(), torch.randperm(200, generator=torch.Generator().manual_seed(9))
    number = torch.arange(200)
    shuffled = gathered(found[order], ordinals=(number // 10)[order], positions=(number % 10)[order])
    a, b = coded(found), codes_of(shuffled, 5, 32, 0, unit_length=False)
    assert torch.equal(a.centres, b.centres) and torch.equal(a.assignment, b.assignment)


def test_the_same_seed_gives_the_same_codes_and_the_start_depends_on_it() -> None:
    found = torch.rand(300, 20, generator=torch.Generator().manual_seed(4))
    assert torch.equal(coded(found, codes=30).centres, coded(found, codes=30).centres)
    assert not torch.allclose(coded(found, codes=30).centres, coded(found, codes=30, seed=1).centres)


def test_of_unit_length_directions_count_and_lengths_do_not() -> None:
    found = vectors() - 5
    made = coded(found, unit_length=True)
    stretched = found * torch.linspace(0.1, 100, 200)[:, None]
    assert torch.equal(made.assignment, coded(stretched, unit_length=True).assignment)
    assert torch.equal(made.assign(stretched), made.assignment)
    long = torch.cat([found[:-1], 1e4 * torch.ones(1, 9)])
    assert coded(long, codes=2).usage.min() < 0.01, "one long vector takes a code"
    assert coded(long, codes=2, unit_length=True).usage.min() > 0.1


def test_class_tokens_empty_places_and_what_is_not_finite_are_left_out() -> None:
    found = vectors()
    found[5] = torch.nan
    found[16, 0] = torch.inf
    ordinals = torch.arange(200) // 10
    ordinals[20] = -1
    one = gathered(found, ordinals=ordinals)
    prefixed = Gathered(one.place, one.address, one.state, one.shape, Layout("tokens", (3, 3), 1))
    made = codes_of(prefixed, 5, 32, 0, unit_length=False)
    assert len(made.points) == 200 - 20 - 2, "a class token of each, two of them not finite, one of them nowhere"
    assert made.positions.min() == 1 and made.broken == 2


def test_the_nearest_are_of_different_samples_and_in_order() -> None:
    made = coded(vectors())
    distances = torch.linalg.vector_norm(made.points - made.centres[made.assignment], dim=1)
    for code in range(5):
        mine = [one for one in nearest(made, 4) if one[0] == code]
        best: dict[int, float] = {}
        for i in (made.assignment == code).nonzero()[:, 0].tolist():
            best[int(made.ordinals[i])] = min(float(distances[i]), best.get(int(made.ordinals[i]), np.inf))
        expected = sorted((value, ordinal) for ordinal, value in best.items())[:4]
        assert [one[1] for one in mine] == [ordinal for _, ordinal in expected]
        assert [one[3] for one in mine] == pytest.approx([value for value, _ in expected])
    assert len(nearest(made, 1000)) <= 5 * 20


def test_likeness_is_one_along_a_code_and_zero_against_it() -> None:
    made = coded(vectors())
    mean = made.mean[:, None]
    along = mean + 3 * (made.vectors - made.mean).T
    assert torch.allclose(made.likeness(along, range(5)).diagonal(), torch.ones(5, dtype=torch.float64))
    assert made.likeness(2 * mean - along, range(5)).diagonal().abs().max() == 0
    assert made.likeness(along.float(), [3, 1]).shape == (2, 5)


def test_without_scikit_learn_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.methods.feature._codes.find_spec", lambda name: None)
    with pytest.raises(pl.NotApplicable, match=r"scikit-learn(.|\n)*pellucid\[sweep\]"):
        pl.codebook(layer="0", codes=2)(pl.Lens(nn.Sequential(nn.Conv2d(1, 3, 1))), torch.rand(3, 1, 5, 5))
