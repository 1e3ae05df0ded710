import torch
from torch import nn

from pellucid.engine.looker import Looker
from pellucid.engine.receptive.forward import MOST_KEPT, fields_of
from pellucid.inputs.read import read
from tests.engine.asking import see
from tests.networks import sequence, strange, vision


def asked(looker: Looker, x: torch.Tensor):
    with looker.looking(0) as session:
        fields = fields_of(session, read(x))
        return fields, session.forwards


def test_one_forward_of_one_example_for_each_shape():
    looker = Looker(vision.ArticleNet())
    first, forwards = asked(looker, torch.randn(3, 3, 32, 32))
    again, none = asked(looker, torch.randn(5, 3, 32, 32))
    assert (forwards, none) == (1, 0) and first is again and first.notes.shapes[0] == (1, 3, 32, 32)


def test_few_shapes_are_kept():
    looker = Looker(nn.Sequential(nn.Conv2d(1, 1, 3)))
    first, _ = asked(looker, torch.randn(1, 1, 5, 5))
    for side in range(6, 6 + MOST_KEPT):
        asked(looker, torch.randn(1, 1, side, 5))
    again, forwards = asked(looker, torch.randn(1, 1, 5, 5))
    assert forwards == 1 and again is not first


def test_what_goes_into_a_layer_and_what_a_call_gives():
    model = vision.ArticleNet()
    seen = see(model, torch.randn(1, 3, 32, 32), keep=["conv2:in", "/relu.1", "conv2"], fields=True)
    sizes = [seen.at(layer)[0].field.size for layer in ("conv2:in", "/relu.1", "conv2")]
    assert sizes == [(6, 6), (14, 14), (14, 14)]


def test_series_by_step_and_tokens():
    assert asked(Looker(sequence.series()), torch.randn(1, 2, 24))[0] is not None
    steps, _ = asked(Looker(sequence.Recurrent()), torch.randn(1, 6, 5))
    assert steps.axes == (1,)
    words, _ = asked(Looker(sequence.CausalLanguageModel()), torch.arange(6)[None])
    assert words.axes == (1,) and words.notes.shapes[0] == (1, 6)


def test_none_where_calls_cannot_be_seen_or_one_example_cannot_run():
    class Pairs(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.reshape(2, -1)

    assert asked(Looker(strange.scripted()), torch.randn(1, 3, 14, 14))[0] is None
    assert asked(Looker(Pairs()), torch.randn(2, 3))[0] is None
