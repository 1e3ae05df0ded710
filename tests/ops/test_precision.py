import torch

from pellucid.ops.precision import in_double


def test_small_differences_survive():
    value = torch.tensor([2.0**25, 1.0], dtype=torch.float32)
    assert in_double(value).sum() == 2**25 + 1 and in_double(torch.tensor([True])).dtype == torch.float64
