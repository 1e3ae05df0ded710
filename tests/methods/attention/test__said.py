"""What is said of an attention: where it sinks, and how true it is."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pellucid.engine.attention.attention import Attention, Kind
from pellucid.methods.attention._said import attended, facts_of, kept, largest
from tests.engine.asking import see
from tests.networks.attentive import Attentive

EVERY, X = "every attention", torch.randn(2, 4, 8, generator=torch.Generator().manual_seed(3))


def attention() -> Attention:
    (spot,) = see(Attentive("fused").eval(), X, attention=(EVERY,)).at(EVERY)
    assert spot.attention is not None
    return spot.attention


def test_the_most_attended_key_of_each_example() -> None:
    weights = torch.tensor(
        [
            [[[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.2, 0.5, 0.3]]],
            [[[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.4, 0.0, 0.6]]],
        ]
    )
    first, second = largest(*attended(weights))
    assert first[0] == 1 and first[1] == pytest.approx(2 / 3) and first[2] == pytest.approx((1 / 2 + 1 + 1 / 3) / 3)
    assert second[0] == 0 and second[1] == pytest.approx(1.4 / 2) and second[2] == pytest.approx((1 + 1 / 2) / 2)


@pytest.mark.parametrize(("off", "words"), [(0.0, "own output"), (0.3, "do not trust this picture")])
def test_it_says_when_it_is_not_what_the_model_computes(off: float, words: str) -> None:
    one = attention()
    make = one.parts.make

    def other(*held: Tensor | None) -> Tensor:
        return make(*held) * (1 - off)

    known = facts_of(changed := replace(one, parts=replace(one.parts, make=other), _weights=None))
    (note,) = kept(changed, known)
    assert words in note.en and note.aside == (not off)
    assert known["error"] == pytest.approx(off, abs=1e-6)


@pytest.mark.parametrize(
    ("learned", "kind", "said"),
    [
        ((False, False), "cross", ["Queries come from 'probe', keys from 'x'."]),
        ((False, False), "self", []),
        ((True, False), "cross", ["Queries are learned parameters ('probe')."]),
        ((True, True), "cross", ["Queries are learned parameters ('probe').", "Keys are learned parameters ('x')."]),
    ],
)
def test_where_queries_and_keys_come_from(learned: tuple[bool, bool], kind: Kind, said: list[str]) -> None:
    one = replace(attention(), learned=learned, kind=kind, query_from="probe", key_from="x")
    notes = kept(one, facts_of(one))[1:]
    assert [note.en for note in notes] == said and all(note.aside for note in notes)
