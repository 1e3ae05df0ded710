import pytest
import torch
from torch import Tensor

import pellucid as pl
from pellucid.core.sites import Place
from pellucid.engine.passes import Spot
from pellucid.engine.roles import Layout
from pellucid.methods.feature._maximized.objective import Objective, Wish, called, wish_of

value = torch.randn(4, 5, 3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
GRID = Layout("channels_first", (3, 2))


def wish(objective: Objective, channels: int | tuple[int, ...] = (1, 4), seen: Tensor = value) -> Wish:
    layout = GRID if seen.ndim == 4 else None
    return wish_of(Spot(Place("layer"), "layer", seen, layout=layout), objective, channels, 0.0)


def test_rows_take_turns_over_the_channels() -> None:
    found = wish("channel")(value)
    expected = [float(value[row, channel].mean()) for row, channel in enumerate((1, 4, 1, 4))]
    assert found.tolist() == pytest.approx(expected)
    found = wish("neuron")(value)
    assert found.tolist() == pytest.approx(
        [float(value[row, channel, 1, 1]) for row, channel in enumerate((1, 4, 1, 4))]
    )


def test_another_size_has_another_middle() -> None:
    larger = torch.randn(2, 5, 7, 9)
    assert wish("neuron")(larger).tolist() == [float(larger[0, 1, 3, 4]), float(larger[1, 4, 3, 4])]


def test_the_middle_of_tokens_lies_behind_their_prefix() -> None:
    tokens = torch.randn(2, 10, 6)
    spot = Spot(Place("layer"), "layer", tokens, layout=Layout("tokens", (3, 3), prefix=1))
    found = wish_of(spot, "neuron", (2,), 0.0)
    assert found(tokens).tolist() == [float(tokens[0, 5, 2]), float(tokens[1, 5, 2])]


def test_directions_by_their_cosine() -> None:
    directions = torch.randn(2, 5)
    found = wish(directions)
    expected = []
    for row in range(4):
        aim = directions[row % 2].double()
        at = [value[row, :, i, j] for i in range(3) for j in range(2)]
        expected.append(sum(float(one @ aim / one.norm() / aim.norm()) for one in at) / 6)
    assert found(value).tolist() == pytest.approx(expected) and found.units == 2
    assert wish(directions[0]).units == 1
    with pytest.raises(pl.BadSetting, match="5 channels"):
        wish(torch.ones(4))


def test_the_whole_layer_and_functions_of_it() -> None:
    assert wish("norm")(value).tolist() == pytest.approx((value**2).mean((1, 2, 3)).tolist())
    assert wish(lambda a: a.amax((1, 2, 3)))(value).tolist() == value.amax((1, 2, 3)).tolist()
    assert wish("norm").units == 1


def test_how_many_channels_are_those_whose_peaks_stand_out() -> None:
    seen = torch.zeros(1, 4, 2, 3)
    seen[0, 2, 0, 1], seen[0, 1, 0] = 1.0, 5.0
    assert wish("channel", 2, seen).channels == (2, 1)
    assert wish("channel", 2, torch.tensor([[1.0, 3.0, 2.0]])).channels == (1, 2)
    with pytest.raises(pl.BadSetting, match="0 to 4, not 5"):
        wish("channel", (5,))


def test_a_layer_without_channels_is_refused() -> None:
    with pytest.raises(pl.NotApplicable, match="no channels"):
        wish("channel", (0,), torch.ones(3))


def test_diversity_takes_off_a_part_where_inputs_of_a_unit_are_alike() -> None:
    plain = wish("channel")
    alike = torch.cat([value[:2], value[:2]])
    one = Wish("channel", (1, 4), 1, None, 0.5)
    assert torch.allclose(one(alike), plain(alike) - 0.5 * plain(alike).abs())
    grams = torch.einsum("bcij,bdij->bcd", value, value).flatten(1)
    cosine = torch.nn.functional.cosine_similarity(grams[0], grams[2], dim=0)
    assert float(one(value)[0]) == pytest.approx(float(plain(value)[0] - 0.5 * plain(value)[0].abs() * cosine))
    assert torch.equal(one.alone()(value), plain(value)) and torch.equal(one(value[:2]), plain(value[:2]))


def test_names() -> None:
    assert [one.en for one in called(wish("channel"))] == ["channel 1", "channel 4"]
    assert [one.zh for one in called(wish(torch.ones(2, 5)))] == ["方向 0", "方向 1"]
    assert [called(wish(one))[0].en for one in (torch.ones(5), "norm", torch.sum)] == [
        "direction",
        "the whole layer",
        "sum",
    ]
