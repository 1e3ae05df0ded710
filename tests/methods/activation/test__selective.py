import numpy as np
import torch

from pellucid.methods.activation._selective import selective


def state(means: list[list[float]], count: list[int], broken: list[int]) -> dict[str, torch.Tensor]:
    number = torch.tensor(count)
    return {
        "total": torch.tensor(means, dtype=torch.float64) * number[:, None],
        "count": number,
        "broken": torch.tensor(broken),
    }


def test_the_index_as_it_is_written():
    means = [[3.0, 0, 1, 0, -1, 2], [1.0, 0, 1, 4, 2, 2], [9.0, 9, 9, 9, 9, 9], [2.0, 0, 1, 0, 2, 2]]
    found = selective(state(means, [5, 2, 0, 7], [0, 0, 0, 0, 0, 1]))
    np.testing.assert_allclose(found.index, [(3 - 1.5) / (3 + 1.5), np.nan, 0, 1, np.nan, np.nan])
    assert found.prefers.tolist() == [0, -1, 0, 1, -1, -1]
    assert found.below == 1 and found.counts.tolist() == [5, 2, 7]


def test_one_class_is_preferred_to_nothing():
    assert selective(state([[1.0], [0.0]], [4, 0], [0])) is None
