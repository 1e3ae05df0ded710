"""What holds of attention in any network, asked of the public methods on random ones; and which test holds what else.

`HELD` names, for every identity of the method cards that is not here, the test that holds it.
"""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from torch import Tensor, nn
from torch.nn import functional as F

from pellucid.registry import find
from tests.architecture.source import ROOT
from tests.methods.attention.stacks import Given, inputs, random_layers

few = settings(max_examples=10, deadline=None, derandomize=True)
towers = given(
    seed=st.integers(0, 999), layers=st.integers(1, 3), groups=st.sampled_from((1, 2, 4)), tokens=st.integers(2, 6)
)
TINY = 1e-12
WIDTH, HEADS, SIZE = 8, 4, 2


class Tower(nn.Module):
    """`(batch, token, 8)` to `(batch, 3)`: layers of attention that know no positions, their sums, the mean of tokens.

    Args:
        groups: sets of keys and values that the four heads share.
    """

    def __init__(self, seed: int, layers: int, groups: int, *, causal: bool = False) -> None:
        super().__init__()
        generator, self.causal, self.groups = torch.Generator().manual_seed(seed), causal, groups
        self.reads = nn.ModuleList(nn.Linear(WIDTH, WIDTH + 2 * groups * SIZE) for _ in range(layers))
        self.writes = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(layers))
        self.head = nn.Linear(WIDTH, 3)
        for one in self.parameters():
            nn.init.normal_(one, 0, 0.5, generator=generator)
        self.double().eval()

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        for read, write in zip(self.reads, self.writes, strict=True):
            x = x + write(self.attend(read(x), attention_mask))
        x = x.tanh()
        if attention_mask is None:
            return self.head(x.mean(1))
        return self.head((x * attention_mask[..., None]).sum(1) / attention_mask.sum(1, keepdim=True))

    def attend(self, both: Tensor, seen: Tensor | None) -> Tensor:
        query, rest = both.split([WIDTH, 2 * self.groups * SIZE], 2)
        key, value = rest.chunk(2, 2)
        query, key, value = (one.unflatten(2, (-1, SIZE)).transpose(1, 2) for one in (query, key, value))
        mask = None if seen is None else seen[:, None, None].bool()
        mixed = F.scaled_dot_product_attention(query, key, value, mask, is_causal=self.causal, enable_gqa=True)
        return mixed.transpose(1, 2).flatten(2)


def drawn(seed: int, tokens: int, batch: int = 2) -> Tensor:
    return torch.randn(batch, tokens, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(seed + 1))


def shown(name: str, model: nn.Module, x: Any, **settings: Any) -> np.ndarray:
    """What a method gives for class 1; matrices as `(batch, layer, head, query, key)`."""
    result = find(name)(**settings)(model, x, 1)
    if name not in ("attention_weights", "attention_gradient"):
        return result.values
    if isinstance(result, tuple):
        return np.stack([one.values for one in result], 1)
    return result.values if "layer" in result.axes else result.values[:, None]


def close(one: np.ndarray, other: np.ndarray) -> None:
    np.testing.assert_allclose(one, other, rtol=0, atol=TINY * max(1.0, float(np.abs(other).max(initial=0))))


@few
@towers
def test_rows_are_shares(seed: int, layers: int, groups: int, tokens: int) -> None:
    for causal in (False, True):
        weights = shown("attention_weights", Tower(seed, layers, groups, causal=causal), drawn(seed, tokens))
        assert weights.shape == (2, layers, HEADS, tokens, tokens) and (weights >= 0).all()
        assert np.abs(weights.sum(-1) - 1).max() <= 4 * np.finfo(float).eps
        assert bool(np.triu(weights, 1).any()) == (not causal)


@few
@towers
def test_where_no_token_knows_its_place_pictures_move_with_the_tokens(
    seed: int, layers: int, groups: int, tokens: int
) -> None:
    model, x = Tower(seed, layers, groups), drawn(seed, tokens)
    order = torch.randperm(tokens, generator=torch.Generator().manual_seed(seed))
    moved = x[:, order]
    for name in ("attention_weights", "attention_gradient", "attention_rollout"):
        close(shown(name, model, moved), shown(name, model, x)[..., order, :][..., order])
    close(shown("attention_relevance", model, moved), shown("attention_relevance", model, x)[:, order])
    flows = shown("attention_max_flow", model, x)[:, order]
    np.testing.assert_allclose(shown("attention_max_flow", model, moved), flows, rtol=0, atol=4e-7)
    one, other = (find("attention_heads")()(model, at)[1].rows for at in (x, moved))
    assert [row["entropy"] for row in one] == pytest.approx([row["entropy"] for row in other], rel=1e-9)


@few
@towers
def test_what_is_masked_is_zero_and_changes_nothing(seed: int, layers: int, groups: int, tokens: int) -> None:
    model, x = Tower(seed, layers, groups), drawn(seed, tokens)
    mask = torch.ones(2, tokens + 3, dtype=torch.long)
    mask[:, tokens:] = 0
    padded = {"x": torch.cat([x, 9 * drawn(seed + 5, 3)], 1), "attention_mask": mask}
    for name in ("attention_weights", "attention_gradient"):
        wide, narrow = shown(name, model, padded), shown(name, model, x)
        assert not wide[..., tokens:].any()
        close(wide[..., :tokens, :tokens], narrow)
    for name in ("attention_relevance", "attention_rollout"):
        query = {"query": 0}
        wide, narrow = shown(name, model, padded, **query), shown(name, model, x, **query)
        assert not wide[:, tokens:].any()
        close(wide[:, :tokens], narrow)


@few
@towers
def test_equal_values_have_equal_gradients(seed: int, layers: int, groups: int, tokens: int) -> None:
    model, x = Tower(seed, layers, groups), drawn(seed, tokens)
    x[:, -1] = x[:, 0]
    gradient = shown("attention_gradient", model, x, of="gradient")
    close(gradient[..., -1], gradient[..., 0])
    weights = shown("attention_weights", model, x)
    close(weights[..., -1], weights[..., 0])
    projected = shown("attention_gradient", model, x, of="projected")
    close((weights * projected).sum(-1), np.zeros(weights.shape[:-1]))


@few
@towers
def test_a_target_of_twice_the_size_has_twice_the_gradient(seed: int, layers: int, groups: int, tokens: int) -> None:
    model, x = Tower(seed, layers, groups), drawn(seed, tokens)
    once = shown("attention_gradient", model, x)
    with torch.no_grad():
        model.head.weight *= -3
    close(shown("attention_gradient", model, x), -3 * once)


@few
@towers
def test_rollout_of_all_layers_is_that_of_the_upper_times_that_of_the_lower(
    seed: int, layers: int, groups: int, tokens: int
) -> None:
    weights = random_layers(layers + 1, groups, tokens, seed=seed)
    x = inputs(tokens)
    whole, lower, upper = (
        shown("attention_rollout", Given(part), x) for part in (weights, weights[:layers], weights[layers:])
    )
    close(whole, upper @ lower)
    close(whole.sum(-1), np.ones(whole.shape[:-1]))


@pytest.mark.parametrize("layers", [1, 4])
def test_rollout_and_flow_of_even_attention(layers: int) -> None:
    x = inputs(5)
    even = Given(torch.full((layers, 2, 5, 5), 0.2, dtype=torch.float64))
    closed = np.eye(5) / 2**layers + (1 - 1 / 2**layers) / 5
    close(shown("attention_rollout", even, x), np.broadcast_to(closed, (2, 5, 5)))
    close(shown("attention_rollout", even, x, query=3), np.broadcast_to(closed[3], (2, 5)))
    own = Given(torch.eye(5, dtype=torch.float64).expand(layers, 2, 5, 5))
    close(shown("attention_rollout", own, x), np.broadcast_to(np.eye(5), (2, 5, 5)))
    close(shown("attention_max_flow", own, x, query=3), np.broadcast_to(np.eye(5)[3], (2, 5)))


@few
@towers
def test_flow_is_at_least_the_widest_path_and_at_most_what_leaves(
    seed: int, layers: int, groups: int, tokens: int
) -> None:
    weights = random_layers(layers, groups, tokens, seed=seed)
    pipes = (weights.mean(1) + torch.eye(tokens)).numpy() / 2
    widest = pipes[-1][0]
    for layer in pipes[-2::-1]:
        widest = np.minimum(widest[:, None], layer).max(0)
    flow = shown("attention_max_flow", Given(weights), inputs(tokens), query=0)
    assert (flow <= 1 + 4e-7).all() and (flow >= widest - 4e-7).all()
    assert (flow <= pipes[0].sum(0) + 4e-7).all(), "what can enter from a token"
    if layers == 1:
        np.testing.assert_allclose(flow, np.broadcast_to(pipes[0][0], flow.shape), rtol=0, atol=4e-7)


@few
@towers
def test_a_layer_that_nothing_reads_brings_nothing(seed: int, layers: int, groups: int, tokens: int) -> None:
    model, x = Tower(seed, layers + 1, groups), drawn(seed, tokens)
    with torch.no_grad():
        model.writes[layers].weight.zero_()
        model.writes[layers].bias.zero_()
    short = Tower(seed, layers + 1, groups)
    short.load_state_dict(model.state_dict())
    short.reads, short.writes = short.reads[:layers], short.writes[:layers]
    relevance = shown("attention_relevance", model, x)
    close(relevance, shown("attention_relevance", short, x))
    assert (relevance >= 0).all()
    gradient = shown("attention_gradient", model, x)
    assert not gradient[:, layers].any() and gradient[:, :layers].any()


@few
@given(seed=st.integers(0, 999), tokens=st.integers(2, 7))
def test_three_heads_lie_as_far_apart_as_they_attend_differently(seed: int, tokens: int) -> None:
    weights = random_layers(1, 3, tokens, seed=seed)
    points = find("attention_heads")()(Given(weights), inputs(tokens))[0].values
    for i in range(3):
        for j in range(i):
            each = jensenshannon(weights[0, i].numpy(), weights[0, j].numpy(), axis=-1) ** 2
            apart = float(np.linalg.norm(points[i] - points[j]))
            assert apart == pytest.approx(math.sqrt(each.mean()), abs=1e-7)
            assert apart <= math.sqrt(math.log(2))


def test_heads_written_by_hand_have_the_numbers_of_their_habits() -> None:
    eye = torch.eye(6, dtype=torch.float64)
    before = torch.cat([eye[:1], eye[:-1]])
    weights = torch.stack([before, eye, torch.full((6, 6), 1 / 6, dtype=torch.float64), eye.roll(1, 0)])[None]
    points, table = find("attention_heads")()(Given(weights), inputs(6))
    previous, own, even, cyclic = table.rows
    assert previous["distance"] == pytest.approx(5 / 6), "1 for all but the first, which has none before it"
    assert previous["before"] == pytest.approx(1) and own["distance"] == pytest.approx(0)
    assert even["entropy"] == pytest.approx(math.log(6)) and own["entropy"] == pytest.approx(0, abs=1e-12)
    assert cyclic["distance"] == pytest.approx((5 * 1 + 5) / 6)
    far = np.linalg.norm(points.values[1] - points.values[3])
    assert far <= math.sqrt(math.log(2)) * (1 + 1e-9), "a plane of four heads shows at most how far they are"


HELD: dict[str, dict[str, str]] = {
    "oracle/test_transformers_attention.py": {
        "AT-1 equals output_attentions": "test_it_equals_what_the_eager_model_returns",
    },
    "engine/attention/test_attending.py": {
        "AT-1 rows that may look at nothing are 0": "test_rows_that_may_look_at_nothing_are_zero",
    },
    "methods/attention/test_attention_weights.py": {
        "AT-1 uniform queries": "test_queries_that_ask_nothing_look_everywhere_alike",
    },
    "methods/attention/test_attention_gradient.py": {
        "AT-2 equals autograd": "test_it_is_the_gradient_of_autograd",
        "AT-2 scaling a row": "test_a_row_s_sum_is_what_scaling_that_row_does",
        "AT-2 zero values": "test_zero_values_have_no_gradient_and_equal_values_the_same",
    },
    "ops/test_rollout.py": {
        "AT-3 product, causal": "test_it_is_the_product_written_out",
        "AT-3 previous token": "test_a_previous_token_head_moves_as_many_places_as_coins_fall",
        "AT-4 product form is the sum": "test_relevance_as_a_sum_is_the_product",
    },
    "methods/attention/test_attention_relevance.py": {
        "AT-4 one layer scales": "test_a_score_twice_as_large_has_twice_the_relevance_of_one_layer",
        "AT-4 heads that lower": "test_a_head_that_only_lowers_the_target_counts_nothing",
        "AT-4 induction": "test_an_induction_head_is_led_back_to_what_it_copies",
    },
    "ops/test_max_flow.py": {
        "AT-5 one and two layers": "test_flow_through_one_and_two_layers",
        "AT-5 linear program": "test_flow_is_what_a_linear_program_finds",
    },
    "ops/test_heads.py": {
        "AT-7 entropy, divergence": "test_entropy_and_divergence_are_scipy_s",
        "AT-7 plane": "test_the_plane_reproduces_distances_of_points_in_it",
    },
    "methods/attention/test_attention_heads.py": {
        "AT-7 equal heads": "test_equal_heads_lie_on_each_other",
    },
    "methods/decision/test_attn_lrp.py": {
        "DV-12 rules restated": "test_a_llama_restated",
        "DV-12 CP sums to the score": "test_cp_sums_to_the_score_and_attn_need_not",
        "DV-12 each operation": "test_every_operation_hands_on_what_it_received",
        "DV-12 induction": "test_the_copied_token_is_found",
    },
    "oracle/test_transformers_lrp.py": {
        "DV-12 rules on the library's Llama": "test_the_llama_of_a_library",
    },
    "oracle/test_transformers_stream.py": {
        "DV-15 last layer": "test_the_lens_is_the_model_s_readout_of_its_hidden_states",
        "DV-15 sum of writes": "test_the_writes_sum_to_the_score",
    },
}


@pytest.mark.parametrize("path", HELD)
def test_what_is_held_elsewhere_is_there(path: str) -> None:
    text = (ROOT / "tests" / path).read_text(encoding="utf-8")
    assert not [name for name in HELD[path].values() if f"\ndef {name}(" not in text]
