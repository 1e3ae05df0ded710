import torch

from pellucid.methods.decision._draws import draw

VALUES = {"a": torch.arange(24.0).reshape(2, 3, 4), "b": torch.ones(2, 5)}


def test_every_stratum_holds_one_point() -> None:
    drawn = draw(VALUES, 0.0, 10, 0, tokens=False)
    assert sorted(int(alpha * 10) for alpha in drawn.alphas) == list(range(10))
    assert drawn.alphas != tuple(sorted(drawn.alphas)), "in no order, so that they do not go with the baselines"


def test_baselines_are_taken_in_turn() -> None:
    drawn = draw(VALUES, (torch.zeros(3, 3, 4), torch.zeros(5)), 9, 0, tokens=False)
    assert sorted(drawn.numbers["a"]) == [0, 0, 0, 1, 1, 1, 2, 2, 2] and drawn.numbers["b"] == (0,) * 9
    kept, like = drawn.distinct()
    assert len(kept) == 3 and [drawn.numbers["a"][kept[i]] for i in like] == list(drawn.numbers["a"])


def test_noise_has_the_mean_and_deviation_of_each_channel_of_each_example() -> None:
    value = torch.stack([torch.full((2, 5000), 3.0), torch.arange(10000.0).reshape(2, 5000) / 1000])
    drawn = draw({"x": value}, "noise", 2, 0, tokens=False)
    first, second = drawn.baselines([0])["x"], drawn.baselines([1])["x"]
    assert torch.equal(first[0], value[0]), "a channel that does not vary is its own baseline"
    assert torch.allclose(first[1].mean(1), value[1].mean(1), atol=0.1)
    assert torch.allclose(first[1].std(1), value[1].std(1), atol=0.1) and not torch.equal(first, second)
    assert torch.equal(drawn.baselines([1, 0])["x"], torch.cat([second, first]))
    rows = draw({"x": torch.tensor([[1.0, 1.0], [0.0, 2.0]])}, "noise", 2, 0, tokens=False).baselines([0])["x"]
    assert torch.equal(rows[0], torch.ones(2)) and not torch.equal(rows[1], torch.ones(2))


def test_tokens_vary_over_positions() -> None:
    value = torch.stack([torch.tensor([1.0, -2.0]).expand(6, 2)])
    assert torch.equal(draw({"x": value}, "noise", 2, 0, tokens=True).baselines([0])["x"], value)
