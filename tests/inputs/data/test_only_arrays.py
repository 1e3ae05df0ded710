import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from pellucid.core.errors import BadInput
from pellucid.inputs.data.only_arrays import unpickled


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", ["u1", "<i8", ">i4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_whole_numbers(protocol: int, kind: str, order: str) -> None:
    values = np.array(np.arange(6).reshape(2, 3), dtype=kind, order=order)
    held = unpickled(pickle.dumps({b"data": values, "more": [1, "a", None]}, protocol))
    np.testing.assert_array_equal(held["data"], values)
    assert held["more"] == [1, "a", None]


class Payload:
    def __reduce__(self) -> tuple:
        return os.system, (f"touch {Payload.canary}",)


@pytest.mark.parametrize("protocol", range(6))
def test_nothing_is_run(tmp_path: Path, protocol: int) -> None:
    Payload.canary = tmp_path / "canary"
    with pytest.raises(BadInput, match=r"asks to run '(posix|nt)\.system', and only arrays are needed"):
        unpickled(pickle.dumps({"data": Payload()}, protocol))
    assert not Payload.canary.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (pickle.dumps([1]), "holds list"),
        (pickle.dumps({"data": np.zeros(3)}), "array of 'f8'"),
        (pickle.dumps({"data": np.array([{}])}), "array of 'O8'"),
        (b"\x80\x02Pname\n.", "outside of the file"),
    ],
)
def test_what_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        unpickled(content)
