"""Random numbers by seed and ordinal."""

import torch

from pellucid.ops.draws import generator


def test_a_sample_is_the_same_whatever_was_drawn_before() -> None:
    first = torch.rand(5, generator=generator(3, 7))
    torch.rand(100)
    assert torch.equal(first, torch.rand(5, generator=generator(3, 7)))


def test_seeds_and_ordinals_differ() -> None:
    drawn = torch.stack([torch.rand(4, generator=generator(seed, i)) for seed in range(40) for i in range(40)])
    assert len(drawn.unique(dim=0)) == 1600


def test_samples_are_independent_and_even() -> None:
    """Neighbouring ordinals are no more alike than chance: 2,000 first numbers, lag one, and their mean."""
    first = torch.stack([torch.rand(2, generator=generator(0, i)) for i in range(2000)]).double() - 0.5
    deviation = (1 / 12) ** 0.5
    assert abs(float(first.mean())) < 4 * deviation / 4000**0.5
    for other in (first[1:, 0], first[:-1, 1]):
        assert abs(float((first[:-1, 0] * other).mean())) < 4 * deviation**2 / 1999**0.5


def test_the_global_state_is_left_alone() -> None:
    before = torch.get_rng_state()
    torch.rand(3, generator=generator(1, 2))
    assert torch.equal(before, torch.get_rng_state())
