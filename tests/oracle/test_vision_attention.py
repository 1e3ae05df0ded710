"""Attention of vision transformers of timm and torchvision: rebuilt from the captured parts to their own output."""

import pytest
import timm
import torch
import torchvision
from torch import nn

from tests.engine.asking import see

# network: how many of each kind
TIMM = {
    "vit_tiny_patch16_224": {"self": 12},
    "deit_tiny_distilled_patch16_224": {"self": 12},
    "eva02_tiny_patch14_224": {"self": 12},
    "swin_tiny_patch4_window7_224": {"self": 2, "windowed": 10},
    "pvt_v2_b0": {"self": 8},
    "levit_128s": {"self": 11},
    "mvitv2_tiny": {"self": 10},
    "twins_svt_small": {"self": 11, "windowed": 7},
    "coatnet_0_rw_224": {"self": 9},
    "xcit_nano_12_p16_224": {"self": 2, "channel": 12},
    "cait_xxs24_224": {"self": 2, "mixed": 24},
    "davit_tiny": {"self": 1, "windowed": 5, "channel": 6},
    "mobilevit_xxs": {"windowed": 9},
}
TORCHVISION = {
    "vit_b_16": {"self": 12},
    "swin_t": {"self": 2, "windowed": 10},
    "swin_v2_t": {"self": 2, "windowed": 10},
    "maxvit_t": {"self": 4, "windowed": 18},
}


def check(model: nn.Module, size: int, kinds: dict[str, int]) -> None:
    x = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    found = [spot.attention for spot in see(model.eval(), x, attention=("every attention",)).at("every attention")]
    assert {kind: sum(one.kind == kind for one in found) for kind in kinds} == kinds and len(found) == sum(
        kinds.values()
    )
    for one in found:
        assert one.error <= 1e-5
        if one.kind != "mixed":
            assert float((one.weights.sum(-1) - 1).abs().max()) < 1e-5


@pytest.mark.parametrize("name", TIMM)
def test_timm(name: str) -> None:
    model = timm.create_model(name)
    check(model, model.default_cfg["input_size"][-1], TIMM[name])


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvision(name: str) -> None:
    check(getattr(torchvision.models, name)(), 224, TORCHVISION[name])
