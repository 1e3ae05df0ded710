import pickle
from pathlib import Path

import numpy as np
import pytest

from pellucid.core.errors import BadInput
from pellucid.inputs.data.cifar100 import GROUPS, NAMES
from pellucid.inputs.data.open import open_data
from pellucid.inputs.data.released import open_cifar10, open_cifar100

ROWS = np.random.default_rng(0).integers(0, 256, (2, 3072), dtype=np.uint8)
PICTURES = ROWS.reshape(2, 3, 32, 32).transpose(0, 2, 3, 1)


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    content = pickle.dumps({b"data": ROWS, b"labels": [3, 9]})
    for name in ("test_batch", *(f"data_batch_{i}" for i in range(1, 6))):
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.fixture
def hundred(tmp_path: Path) -> Path:
    (tmp_path / "test").write_bytes(pickle.dumps({b"data": ROWS, b"fine_labels": [3, 99], b"coarse_labels": [8, 13]}))
    return tmp_path


def test_parts_of_cifar10(ten: Path) -> None:
    train, test = open_data(f"cifar10:{ten}"), open_data(f"cifar10:{ten}#test")
    assert len(train) == 10 and len(test) == 2 and test.labels == (3, 9) and test.classes[9] == "truck"
    np.testing.assert_array_equal(np.asarray(test.read(1).x), PICTURES[1])
    assert test.read(1).label == 9 and test.names == ("row 0", "row 1")
    assert train.fingerprint != test.fingerprint
    assert len(pickle.dumps(train)) < 5000
    np.testing.assert_array_equal(np.asarray(pickle.loads(pickle.dumps(train)).read(9).x), PICTURES[1])


def test_classes_and_groups_of_cifar100(hundred: Path) -> None:
    fine, coarse = open_data(f"cifar100:{hundred}#test"), open_data(f"cifar100:{hundred}#test-groups")
    assert fine.labels == (3, 99) and fine.classes == NAMES
    assert coarse.labels == (8, 13) and coarse.classes == GROUPS
    assert fine.fingerprint != coarse.fingerprint


def test_the_order_of_the_model_goes_before(ten: Path, hundred: Path) -> None:
    rows = open_cifar10(ten, split="test", classes=["truck", "cat"])
    assert rows.labels.tolist() == [1, 0] and rows.classes == ("truck", "cat")
    with pytest.raises(BadInput, match="the label 'bear'"):
        open_cifar100(hundred, split="test", classes=["worm"])
