import numpy as np
import pytest

from pellucid.results.attribution import Attribution
from tests.results import samples


def test_heat_is_computed_once_and_cannot_be_written():
    result = samples.attribution()
    assert result.heat is result.heat
    assert result.heat.shape == (1, 28, 28)
    with pytest.raises(ValueError, match="read-only"):
        result.heat[0] = 0


@pytest.mark.parametrize(
    ("signed", "reduction", "expected"),
    [(True, "none", True), (True, "sum", True), (True, "max_abs", False), (True, "l2", False), (False, "sum", False)],
)
def test_whether_heat_has_a_sign(signed, reduction, expected):
    assert Attribution(values=np.zeros((1, 2)), signed=signed, reduction=reduction).heat_signed is expected
