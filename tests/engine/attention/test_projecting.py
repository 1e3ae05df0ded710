"""The linear map behind an attention, however it is written, and what stands in its way."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.core.errors import NotApplicable
from pellucid.engine.attention.attention import Attention
from pellucid.engine.attention.projecting import Projection
from pellucid.engine.looker import Looker
from tests.engine.asking import see
from tests.networks.attentive import WAYS, Attentive, Way

X = torch.randn(2, 5, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
EVERY = ("every attention",)


def attention(model: nn.Module, x: object = X) -> Attention:
    """The last one of a forward."""
    return see(model.eval(), x, attention=EVERY, projections=True).at(*EVERY)[-1].attention


def gap(one: Attention, found: Projection) -> float:
    """How far what the heads add is from what the model has there, in shares of its largest."""
    made = torch.einsum("rhqf,hfd->rqd", one.weights.to(one.values) @ one.values, found.weight)
    made = (made if found.bias is None else made + found.bias) * found.kept[..., None]
    return float((made - found.out).abs().max() / found.out.abs().max())


class Behind(nn.Module):
    """`(batch, token, 8)`: one attention of two heads, then whatever is given.

    Args:
        end: what comes behind, of the attention's output `(batch, head, token, 4)` and a layer of 8 to 6.
    """

    def __init__(self, end: Callable[[Tensor, nn.Linear], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.qkv, self.out, self.end = nn.Linear(8, 24), nn.Linear(8, 6), end
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.qkv(x).unflatten(2, (3, 2, 4)).permute(2, 0, 3, 1, 4)
        made = functional.scaled_dot_product_attention(query, key, value)
        return self.end(made, self.out).flatten(1)[:, :3].tanh()


def joined(made: Tensor) -> Tensor:
    return made.transpose(1, 2).flatten(2)


def by_head(out: nn.Linear) -> Tensor:
    """`(head, feature, out)`."""
    return out.weight.mT.unflatten(0, (2, 4))


LINEAR: dict[str, tuple[str, bool, Callable[[Tensor, nn.Linear], Tensor]]] = {
    "a layer": ("linear", True, lambda made, out: out(joined(made))),
    "a view": ("linear", True, lambda made, out: out(made.transpose(1, 2).contiguous().view(2, -1, 8))),
    "addmm": ("addmm", True, lambda made, out: torch.addmm(out.bias, joined(made).view(-1, 8), out.weight.mT)),
    "matmul": ("matmul", False, lambda made, out: joined(made) @ out.weight.mT + out.bias),
    "einsum": ("einsum", False, lambda made, out: torch.einsum("bhif,hfd->bid", made, by_head(out))),
    "einsum, other axes": ("einsum", False, lambda made, out: torch.einsum("...hif,hfd->d...i", made, by_head(out))),
    "einsum of rows": ("einsum", False, lambda made, out: torch.einsum("...c,cd->...d", joined(made), out.weight.mT)),
    "1x1 convolution": (
        "conv1d",
        True,
        lambda made, out: functional.conv1d(made.mT.flatten(1, 2), out.weight[..., None], out.bias),
    ),
    "dropout at rest": ("linear", True, lambda made, out: out(functional.dropout(joined(made), 0.5, training=False))),
    "another order": ("linear", True, lambda made, out: out(made.permute(2, 0, 3, 1).reshape(5, 2, 8))),
    "rolled": ("linear", True, lambda made, out: out(joined(made).roll(2, 1))),
    "one token": ("linear", True, lambda made, out: out(joined(made)[:, 0])),
}


@pytest.mark.parametrize("name", LINEAR)
def test_it_is_found_however_it_is_written(name: str) -> None:
    call, biased, end = LINEAR[name]
    model = Behind(end)
    one = attention(model)
    found = one.projection
    assert found is not None and (one.behind, found.place.op, found.bias is not None) == (call, call, biased)
    order = model.out.weight.mT
    expected = order.reshape(4, 2, 6).transpose(0, 1) if name == "another order" else order.reshape(2, 4, 6)
    assert torch.equal(found.weight, expected) and gap(one, found) < 1e-14
    assert found.kept.sum(1).tolist() == [1, 1] if name == "one token" else found.kept.all()


OTHER: dict[str, tuple[str, Callable[[Tensor, nn.Linear], Tensor]]] = {
    "a gate": ("mul", lambda made, out: out(joined(made * torch.arange(4.0)))),
    "a norm": ("layer_norm", lambda made, out: out(functional.layer_norm(joined(made), (8,)))),
    "dropout": ("dropout", lambda made, out: out(functional.dropout(joined(made), 0.5))),
    "an activation": ("relu", lambda made, out: out(joined(made).relu_())),
    "a mean": ("mean", lambda made, out: made.mean(1)),
    "queries mixed": ("linear", lambda made, out: out(made.flatten(1)[:, :40].unflatten(1, (5, 8)))),
    "other activations": ("matmul", lambda made, out: joined(made)[0] @ joined(made)[1].mT @ out.weight[:5]),
}


@pytest.mark.parametrize("name", OTHER)
def test_what_is_no_such_map_is_named(name: str) -> None:
    call, end = OTHER[name]
    model = Behind(end)
    one = attention(model)
    assert one.projection is None and one.behind == call


def test_an_attention_that_is_the_end_and_one_that_was_not_asked() -> None:
    model = Behind(lambda made, out: made)
    one = attention(model)
    assert one.projection is None and one.behind == "tanh"
    plain = see(model.eval(), X, attention=EVERY).at(*EVERY)[0].attention
    with pytest.raises(NotApplicable, match="was not asked for"):
        _ = plain.projection


@pytest.mark.parametrize("groups", [4, 2, 1])
@pytest.mark.parametrize("way", WAYS)
def test_the_heads_add_up_to_what_the_model_has(way: Way, groups: int) -> None:
    model = Attentive(way, groups=groups).double()
    one = attention(model)
    found = one.projection
    assert (
        found is not None and torch.equal(found.weight.flatten(0, 1), model.out.weight.mT) and gap(one, found) < 1e-14
    )
    assert found.bias is not None and torch.equal(found.bias, model.out.bias)


def test_a_look_stops_at_the_attention_or_at_the_map_behind_it() -> None:
    model, ran = Attentive("fused").double().eval(), list[str]()
    model.out.register_forward_pre_hook(lambda *_: ran.append("out"))
    model.head.register_forward_pre_hook(lambda *_: ran.append("head"))
    looker = Looker(model)
    for asked, expected in ((False, ["out", "head"]), (False, []), (True, ["out"])):
        ran.clear()
        one = see(looker, X, attention=EVERY, projections=asked).at(*EVERY)[0].attention
        assert ran == expected and (not asked or one.projection is not None)


def test_what_the_map_gave_is_kept_from_being_overwritten() -> None:
    def end(made: Tensor, out: nn.Linear) -> Tensor:
        return out(joined(made)).mul_(0)

    one = attention(Behind(end))
    found = one.projection
    assert found is not None and gap(one, found) < 1e-14
