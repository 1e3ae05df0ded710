import pytest

from pellucid.results.spell import count, number, percent, probability


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"),
        (3.0, "3"),
        (-3, "-3"),
        (1234567, "1,234,567"),
        (0.012345, "0.0123"),
        (12.345, "12.3"),
        (1234.5, "1,234"),
        (4.5e-7, "4.5e-7"),
        (6.02e23, "6.02e23"),
        (float("nan"), "NaN"),
        (float("-inf"), "-∞"),
        (0.1, "0.1"),
        (99.99, "100"),
    ],
)
def test_numbers(value, said):
    assert number(value) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0, "0%"),
        (1, "100%"),
        (0.5, "50%"),
        (0.123, "12%"),
        (0.0312, "3.1%"),
        (0.0042, "0.42%"),
        (0.00001, "<0.01%"),
        (0.9995, ">99.9%"),
        (0.996, "99.6%"),
        (float("nan"), "NaN"),
    ],
)
def test_percentages_never_round_to_all_or_nothing(share, said):
    assert percent(share) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.71, "0.71"), (0, "0.00"), (1, "1"), (0.99995, ">0.9999"), (0.9987, "0.9987"), (0.00032, "0.00032")],
)
def test_probabilities_never_round_to_one(value, said):
    assert probability(value) == said


@pytest.mark.parametrize(("value", "said"), [(812, "812"), (25557032, "25.6 M"), (4.1e9, "4.1 G"), (62500, "62.5 k")])
def test_counts(value, said):
    assert count(value) == said
