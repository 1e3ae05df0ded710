import numpy as np
import pytest
import torch

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._pooled import Pool
from pellucid.results import Attribution, Base, Gallery

X = Inputs((torch.zeros(2, 3),), base={"input": Base("features", np.zeros((2, 3)))})
DRAWN = np.random.default_rng(0).normal(size=(6, 2, 3))


def picture(parts: np.ndarray, **more: object) -> Attribution:
    return Attribution(values=parts.reshape(-1, 3), axes=("batch", "feature"), **more)


def test_moments_do_not_depend_on_the_pieces() -> None:
    pools = [Pool(X, "it") for _ in range(2)]
    pools[0].add(picture(DRAWN), 6)
    for part in (DRAWN[:1], DRAWN[1:5], DRAWN[5:]):
        pools[1].add(picture(part), len(part))
    for pool in pools:
        np.testing.assert_allclose(pool.mean, DRAWN.mean(0), rtol=1e-12)
        np.testing.assert_allclose(pool.variance, DRAWN.var(0), rtol=1e-12)
        np.testing.assert_allclose(pool.square, np.square(DRAWN).mean(0), rtol=1e-12)
        error = np.sqrt((DRAWN.var(0, ddof=1) / 6).sum(1)) / np.linalg.norm(DRAWN.mean(0), axis=1)
        np.testing.assert_allclose(pool.standard_error(), error, rtol=1e-12)


def test_equal_copies_do_not_vary_at_all() -> None:
    pool = Pool(X, "it")
    pool.add(picture(np.full((3, 2, 3), 0.1)), 3)
    assert not pool.variance.any() and pool.standard_error() == (0.0, 0.0)


def test_notes_are_kept_once_and_the_base_is_the_clean_one() -> None:
    pool = Pool(X, "it")
    for _ in range(2):
        pool.add(picture(DRAWN[:1], notes=(Text("a", "甲"),), base=X.base["input"]), 1)
    assert pool.notes == (Text("a", "甲"),) and pool.base() is X.base["input"]
    pool = Pool(X, "it")
    pool.add(picture(DRAWN[:1], base=Base("features", np.ones((2, 3)))), 1)
    assert pool.base().kind == "features" and pool.base().values is None


def test_what_cannot_be_pooled() -> None:
    with pytest.raises(NotApplicable, match="no attribution of each example"):
        Pool(X, "it").add(Gallery(values=np.zeros((2, 3))), 1)
    with pytest.raises(NotApplicable, match="no attribution of each example"):
        Pool(X, "it").add(picture(DRAWN), 5)
    pool = Pool(X, "it")
    pool.add(picture(DRAWN[:1]), 1)
    with pytest.raises(NotApplicable, match="different shape"):
        pool.add(Attribution(values=np.zeros((2, 4)), axes=("batch", "feature")), 1)
