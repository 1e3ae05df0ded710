from tests.results import samples


def test_positions_are_the_values():
    result = samples.points()
    assert result.positions is result.values
