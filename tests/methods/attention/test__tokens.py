"""Which attentions are shown, and what rows, columns and layers are called."""

import pytest
import torch

from pellucid.core.text import Text
from pellucid.engine.roles import Layout
from pellucid.inputs.inputs import Inputs
from pellucid.methods.attention._tokens import Chosen, cells, chosen, common, names_of, short_names
from pellucid.results.base import Base
from tests.engine.asking import see
from tests.networks.attentive import Attentive

EVERY = "every attention"


def test_names_of_layers_are_short() -> None:
    assert short_names(["a.b.attn/attention.0"]) == ["b.attn"] and short_names(["/attention.0"]) == [""]
    assert short_names(["encoder.layer.3.attention.self/attention.0"]) == ["layer.3"]
    many = [f"encoder.layers.{i}.attn/attention.0" for i in range(3)]
    assert short_names(many) == ["layers.0", "layers.1", "layers.2"]
    assert short_names(["attn/attention.0", "attn/attention.1"]) == ["attn.0", "attn.1"]
    assert short_names(["a.x/attention.0", "b.y/attention.0"]) == ["a.x", "b.y"]


def test_cells_of_a_grid_have_row_and_column() -> None:
    first, *others = cells(Layout("tokens", (2, 2), 1))
    assert (first, others) == (Text("class", "类别词元"), ["0,0", "0,1", "1,0", "1,1"])
    assert cells(Layout("tokens", (3,), 2)) == (first, Text("extra 1", "附加 1"), "0", "1", "2")
    assert cells(Layout("tokens", (1, 2, 2))) == ("0,0,0", "0,0,1", "0,1,0", "0,1,1")


def test_words_are_those_of_the_text_that_is_as_long() -> None:
    x = torch.randn(2, 3, 8)
    (spot,) = see(Attentive("fused").eval(), x, attention=(EVERY,)).at(EVERY)
    assert spot.attention is not None
    words = (("[CLS]", " a", "b"), ("[CLS]", " c", " "))
    text = Inputs((x,), base={"input": Base("tokens", names=words)})
    found = names_of(text, spot.attention, "key")
    assert found == (("[CLS]", "a", "b"), ("[CLS]", "c", " "))
    assert common(found) == ("0", "1", "2") and common(found[:1]) == ("[CLS]", "a", "b")
    short = Inputs((x,), base={"input": Base("tokens", names=(("a", "b"),) * 2)})
    assert names_of(short, spot.attention, "query") == (("0", "1", "2"),)


@pytest.mark.parametrize(("heads", "shown"), [("all", (0, 1, 2, 3)), ("mean", None), (2, (2,)), ((3, 0), (3, 0))])
def test_heads_are_cut_out(heads: object, shown: tuple[int, ...] | None) -> None:
    seen = see(Attentive("fused").eval(), torch.randn(2, 3, 8), attention=(EVERY,))
    found, notes = chosen(seen, EVERY, heads, -1)  # type: ignore[arg-type]
    (one,) = found
    assert isinstance(one, Chosen) and (one.heads, one.query, notes) == (shown, 2, ())
    weights = one.attention.weights
    expected = weights.mean(1, keepdim=True) if shown is None else weights[:, list(shown)]
    assert torch.equal(one.cut(weights), expected[:, :, 2]) and one.axes == ("batch", "head", "key")
