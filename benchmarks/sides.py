"""The same twelve pictures three ways: pellucid's, Captum's, and Captum's with pytorch-grad-cam's maps."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from captum import attr
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

import pellucid as pl
from pellucid.lens.views import Views
from pellucid.registry import View

LAYERS = ("layer1", "layer2", "layer3", "layer4")
TARGET = 281


@dataclass(frozen=True, eq=False)
class Case:
    """A network and an input.

    Args:
        model: the network as it is.
        twin: the same weights, ReLU not in place, which is what the peers' backward hooks can take.
        lens: pellucid's, made once as a user does.
        x: one batch.
    """

    model: nn.Module
    twin: nn.Module
    lens: pl.Lens
    x: Tensor

    @classmethod
    def of(cls, make: Callable[[], nn.Module], size: int) -> "Case":
        """Random weights and a random picture, the same at every call."""
        torch.manual_seed(0)
        model = make().eval()
        twin = copy.deepcopy(model)
        for module in twin.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = False
        return cls(model, twin, pl.Lens(model), torch.randn(1, 3, size, size))


def ten() -> list[View]:
    """The pictures that need no rule."""
    return [
        *(pl.grad_cam(layer=layer) for layer in LAYERS),
        pl.saliency(),
        pl.input_x_gradient(),
        *(pl.activation_maps(layer=layer) for layer in LAYERS),
    ]


def twelve() -> list[View]:
    """The ten, guided backpropagation and deconvolution."""
    return [*ten(), pl.guided_backprop(), pl.deconvolution()]


def looked(case: Case, views: Sequence[View]) -> Views:
    """One look at all of them."""
    return case.lens.see(case.x, *views, target=TARGET)


def bare(case: Case) -> Tensor:
    """One forward, one backward to the input, nothing else."""
    x = case.x.clone().requires_grad_()
    return torch.autograd.grad(case.model(x)[:, TARGET].sum(), x)[0]


def one_by_one(case: Case) -> list[Any]:
    """pellucid's twelve, each in a look of its own."""
    return [looked(case, [view])[0] for view in twelve()]


def captum(case: Case) -> list[Any]:
    """Captum's twelve calls, as its manual writes them."""
    return [*_captum_cams(case), *_captum_others(case)]


def captum_with_cams(case: Case) -> list[Any]:
    """Captum's calls for eight of them, pytorch-grad-cam's for the four maps."""
    return [*_cams(case), *_captum_others(case)]


def _captum_cams(case: Case) -> list[Any]:
    return [
        attr.LayerGradCam(case.twin, _layer(case, name)).attribute(case.x, target=TARGET, relu_attributions=True)
        for name in LAYERS
    ]


def _cams(case: Case) -> list[Any]:
    made = []
    for name in LAYERS:
        with GradCAM(model=case.twin, target_layers=[_layer(case, name)]) as cam:
            made.append(cam(input_tensor=case.x, targets=[ClassifierOutputTarget(TARGET)]))
    return made


def _captum_others(case: Case) -> list[Any]:
    x, model = case.x, case.twin
    activations = [attr.LayerActivation(model, _layer(case, name)).attribute(x) for name in LAYERS]
    gradients = [
        method(model).attribute(x.clone().requires_grad_(), target=TARGET)
        for method in (attr.Saliency, attr.InputXGradient, attr.GuidedBackprop, attr.Deconvolution)
    ]
    return [*activations, *gradients]


def _layer(case: Case, name: str) -> nn.Module:
    return case.twin.get_submodule(name)
