import numpy as np
import pytest
import torch

import pellucid as pl
from pellucid.results.base import Base
from tests.engine.targets.test_tokens import llama
from tests.engine.targets.test_vocabulary import byte_level

NAMES = (("The", " un", "kind", " cat", "."), ("The", " cat", "s"))


def tokens(**more) -> pl.Attribution:
    values = np.array([[1.0, 2, -5, 3, 4], [1, 2, 3, 0, 0]], np.float32)
    return pl.Attribution(values=values, axes=("batch", "token"), base=Base("tokens", names=NAMES), **more)


def test_shares_with_a_sign_add_up() -> None:
    words = pl.by_word(tokens(signed=True))
    assert words.values.tolist() == [[1, -3, 3, 4], [1, 5, 0, 0]] and words.heat.tolist() == words.values.tolist()
    assert words.base is not None and words.base.names == (("The", "unkind", "cat", "."), ("The", "cats"))
    assert words.signed and "sum" in words.notes[-1].en and words.notes[-1].zh


def test_of_norms_the_largest_counts() -> None:
    values = np.abs(np.random.default_rng(0).normal(size=(2, 5, 3))).astype(np.float32)
    norms = tokens().with_(values=values, axes=("batch", "token", "feature"), reduction="l2")
    words = pl.by_word(norms)
    assert words.values[0, 1] == norms.heat[0, 1:3].max() and not words.signed and "largest" in words.notes[-1].en


def test_a_complete_attribution_stays_complete(tmp_path) -> None:
    lens = pl.Lens(llama(), tokenizer=byte_level())
    seen = pl.integrated_gradients(n_steps=8)(lens, "Lyon is Paris", target=" Paris")
    words = pl.by_word(seen)
    assert words.values.sum() == pytest.approx(seen.values.sum(), abs=1e-6) and words.values.shape[1] == 3
    assert words.describe("zh") and words.save(tmp_path / "a.png").stat().st_size > 0
    assert pl.decode(words.save(tmp_path / "a.safetensors").read_bytes()) == words


def test_a_result_without_words() -> None:
    picture = pl.saliency()(torch.nn.Conv2d(3, 2, 3), torch.randn(1, 3, 8, 8), target=lambda out: out.sum((1, 2, 3)))
    with pytest.raises(pl.BadRequest, match="lies on image"):
        pl.by_word(picture)


def test_what_was_covered_word_by_word_is_not_added_up_again() -> None:
    lens = pl.Lens(llama(), tokenizer=byte_level())
    seen = pl.occlusion(groups="words")(lens, "Lyon is Paris", target=" Paris")
    assert pl.by_word(seen).values[0].tolist() == pytest.approx(seen.facts["values"][0], abs=1e-6)
