import gc

import pytest
import torch

from pellucid.engine.attention.trails import Trail, Trails


def ran(trails: Trails, name: str, *args: object, **kwargs: object) -> torch.Tensor:
    """A call that the trails were told of."""
    out = getattr(torch.nn.functional, name, None) or getattr(torch, name)
    made = out(*args, **kwargs)
    trails.leave(name, args, kwargs, made)
    return made


def test_a_sequence_is_that_of_the_first_tensor_or_of_the_first_input() -> None:
    trails, x, y, weight = Trails(), torch.randn(2, 3, 4), torch.randn(2, 5, 4), torch.randn(4, 4)
    trails.note(x, Trail("x"))
    trails.note(y, Trail("y"))
    one, other = ran(trails, "linear", x, weight), ran(trails, "add", weight[0], y)
    assert (trails.stream(one), trails.stream(other)) == ("x", "y") and trails.lengths == {3}
    product = ran(trails, "matmul", one, ran(trails, "transpose", other, 1, 2))
    assert trails.of(product).pair == ("x", "y") and trails.stream(product) == "x"
    made = torch.zeros(2, 3, 4)
    first, second = ran(trails, "linear", made, weight), ran(trails, "linear", made, weight)
    assert trails.stream(first) == trails.stream(second) != trails.stream(torch.zeros(1))
    turned = ran(trails, "transpose", x, 1, 2)
    assert trails.stream(ran(trails, "matmul", made, turned)) == trails.stream(made) != "x"


@pytest.mark.parametrize(
    ("name", "args", "axis"),
    [
        ("dropout", (0.5, False), -1),
        ("transpose", (1, 2), -2),
        ("transpose", (-1, -2), -2),
        ("permute", ((2, 0, 1),), -3),
        ("unsqueeze", (0,), -1),
        ("unsqueeze", (-1,), -2),
        ("unsqueeze", (3,), -2),
        ("unsqueeze", (-2,), -1),
        ("reshape", ((6, 4),), -1),
        ("reshape", ((2, 12),), None),
        ("relu", (), None),
        ("sum", (1,), None),
    ],
)
def test_where_the_axis_of_a_softmax_is_afterwards(name: str, args: tuple[object, ...], axis: int | None) -> None:
    trails, x = Trails(), torch.randn(2, 3, 4)
    weights = ran(trails, "softmax", x, dim=2)
    assert trails.of(weights).softmax == -1
    assert trails.of(ran(trails, name, weights, *args)).softmax == axis


def test_heads_that_are_mixed_are_told() -> None:
    trails = Trails()
    weights = ran(trails, "softmax", torch.randn(2, 3, 4), 1)
    mixed = ran(trails, "linear", weights, torch.randn(4, 4))
    assert trails.of(weights).softmax == -2 and trails.of(mixed).mixed and trails.of(mixed).softmax == -2
    assert not trails.of(ran(trails, "softmax", mixed, -1)).mixed
    assert trails.of(ran(trails, "softmax", torch.randn(3), -1)).softmax is None


def test_what_begins_with_a_parameter_remembers_it_and_whether_an_input_joined() -> None:
    trails, x, learned, weight = Trails(), torch.randn(2, 3, 4), torch.randn(3, 4), torch.randn(4, 4)
    trails.note(x, Trail("x"))
    query = ran(trails, "linear", ran(trails, "unsqueeze", learned, 0), weight)
    assert trails.stream(query).source() is learned and not trails.given(query) and not trails.given(weight)
    mixed = ran(trails, "scaled_dot_product_attention", query, x, x)
    assert trails.stream(mixed) == trails.stream(query) and trails.given(mixed) and trails.given(x)
    scores = ran(trails, "matmul", torch.randn(5, 3), x)
    assert trails.stream(scores).source is None and trails.given(scores)


def test_no_tensor_is_kept_alive() -> None:
    trails = Trails()
    kept = torch.zeros(1)
    trails.note(kept, Trail("kept"))
    number = id(kept)
    del kept
    gc.collect()
    again = [torch.zeros(1) for _ in range(50)]
    assert all(trails.of(one) is None for one in again) and number
