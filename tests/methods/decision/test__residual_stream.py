"""The stream is found in the graph of any way to write blocks, and nothing is taken for one that is none."""

import pytest
from torch import Tensor, nn
from torch.nn import functional as F

import pellucid as pl
from pellucid.engine.looker import Looker
from pellucid.inputs.read import read
from pellucid.methods.decision._residual_stream import Stream, shortened, stream_of
from tests.engine.asking import see
from tests.methods.decision.streams import speaker, tokens
from tests.networks import NETWORKS


def found(model: nn.Module, x: Tensor) -> Stream:
    """The stream of a network."""
    return stream_of(see(model, x, graph=True), read(x))


def names(stream: Stream) -> list[tuple[str, ...]]:
    """What wrote each sum."""
    return [one.names for one in stream.writes]


def test_each_attention_and_mlp_is_a_write() -> None:
    stream = found(speaker(), tokens())
    assert names(stream) == [(f"blocks.{i}.{part}",) for i in range(3) for part in ("attention", "mlp")]
    assert stream.sources == ("input",) and not stream.notes
    assert [stream.trace.address(stream.event(one).place) for one in stream.tail] == [
        "norm/layer_norm.0",
        "head/linear.0",
    ]


def test_parallel_parts_are_one_sum_of_two_writes() -> None:
    stream = found(speaker(kind="parallel"), tokens())
    assert names(stream) == [(f"blocks.{i}.attention", f"blocks.{i}.mlp") for i in range(3)]


def test_levels_are_the_blocks_that_stand_side_by_side() -> None:
    model = speaker()
    stream, lens = found(model, tokens()), Looker(model)
    assert list(stream.levels(lens, "every block").values()) == ["embedding", "blocks.0", "blocks.1", "blocks.2"]
    assert list(stream.levels(lens, "blocks.1").values()) == ["embedding", "blocks.1", "blocks.2.mlp"]


def test_without_modules_for_blocks_every_write_is_a_level() -> None:
    network = NETWORKS["causal_lm"]
    stream = found(network.build(), network.x(1))
    assert list(stream.levels(Looker(network.build()), "every block").values()) == ["embedding", "out", "mlp"]


class Bends(nn.Module):
    """A head whose activation is written out as `x + 0.04 x³`: a sum, but nothing is written by it."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d = (nn.Linear(4, 4) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        x = x + F.relu(self.a(x))
        x = x + F.relu(self.b(x))
        x = self.c(x)
        return self.d(x * (1 + (x + 0.04 * x**3).tanh()))


def test_an_activation_written_out_is_no_write() -> None:
    x = NETWORKS["rows"].x(2)[:, :4]
    stream = found(Bends().eval(), x)
    assert names(stream) == [("a",), ("b",)] and stream.start == -1 and stream.sources == ("input",)


@pytest.mark.parametrize(
    ("kind", "says"), [("post", "post-norm"), ("bent", "bent by 'blocks.1'"), ("past", "no residual")]
)
def test_refusals(kind: str, says: str) -> None:
    with pytest.raises(pl.NotApplicable, match=says):
        found(speaker(kind=kind), tokens())


def test_names_are_shortened_by_what_holds_all() -> None:
    assert shortened(["model.h.0.attn", "model.h.0.mlp", "model.h.1.attn"]) == ("0.attn", "0.mlp", "1.attn")
    assert shortened(["model.h.0", "model.h.1"]) == ("h.0", "h.1")
    assert shortened(["attn", "mlp"]) == ("attn", "mlp") and shortened([]) == ()
