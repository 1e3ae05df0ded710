import pytest
import torch
from torch import nn

from pellucid.engine.packed import is_packed, weight_of


@pytest.mark.filterwarnings("ignore:.*quantiz")
def test_the_numbers_of_a_quantised_weight_are_its_integers_times_their_scale() -> None:
    plain = nn.Linear(4, 3)
    packed = torch.ao.quantization.quantize_dynamic(nn.Sequential(plain), {nn.Linear}, dtype=torch.qint8)[0]
    weight = weight_of(packed)
    assert is_packed(packed) and weight is not None and not weight.is_quantized
    assert torch.allclose(weight, plain.weight.detach(), atol=float(plain.weight.detach().abs().max()) / 127)


def test_any_other_weight_is_itself() -> None:
    plain, without = nn.Linear(4, 3), nn.ReLU()
    assert weight_of(plain) is plain.weight and not is_packed(plain)
    assert weight_of(without) is None and weight_of(None) is None and not is_packed(without)
