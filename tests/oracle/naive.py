"""Every method once more, straight from its formula: plain torch, slow, one thing at a time.

The models are taken in evaluation mode with outputs `batch class`; nothing here knows of pellucid.
"""

import copy
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

Rule = Callable[[Tensor, Tensor], Tensor]


def chosen(output: Tensor, target: Sequence[int]) -> Tensor:
    """`f_t(x)`, one number per example."""
    return output[range(len(target)), list(target)]


def saliency(model: nn.Module, x: Tensor, target: Sequence[int]) -> Tensor:
    """`∂f_t/∂x`."""
    x = x.clone().requires_grad_()
    chosen(model(x), target).sum().backward(inputs=[x])
    return x.grad


def input_x_gradient(model: nn.Module, x: Tensor, target: Sequence[int]) -> Tensor:
    """`x ∂f_t/∂x`."""
    return x * saliency(model, x, target)


def integrated_gradients(
    model: nn.Module, x: Tensor, target: Sequence[int], n_steps: int, baseline: Tensor | float = 0.0
) -> Tensor:
    """`(x - b) ∫ ∂f_t(b + a (x - b))/∂x da` from 0 to 1, by Gauss-Legendre nodes, one pass per node."""
    baseline = torch.as_tensor(baseline, dtype=x.dtype).expand_as(x)
    nodes, weights = np.polynomial.legendre.leggauss(n_steps)
    total = torch.zeros_like(x)
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        total += float(weight) * saliency(model, baseline + float(node) * (x - baseline), target)
    return (x - baseline) * total


def activation(model: nn.Module, layer: nn.Module, x: Tensor) -> list[Tensor]:
    """What `layer` returned at each of its calls."""
    seen: list[Tensor] = []
    handle = layer.register_forward_hook(lambda _, __, output: seen.append(output.detach().clone()))
    with torch.no_grad():
        model(x)
    handle.remove()
    return seen


def layer_gradient(model: nn.Module, layer: nn.Module, x: Tensor, target: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Activation of a layer that is called once, and the gradient of the target with respect to it."""
    seen: list[Tensor] = []

    def keep(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> Tensor:
        seen.append(output)
        return output.clone()

    handle = layer.register_forward_hook(keep)
    gradient = torch.autograd.grad(chosen(model(x.clone().requires_grad_()), target).sum(), seen)[0]
    handle.remove()
    return seen[0].detach(), gradient


def grad_cam(model: nn.Module, layer: nn.Module, x: Tensor, target: Sequence[int], relu: bool = True) -> Tensor:
    """`ReLU(Σ_k a_k A_k)`, `a_k` the mean over positions of `∂f_t/∂A_k`; `(batch, height, width)`."""
    seen, gradient = layer_gradient(model, layer, x, target)
    weighted = (gradient.mean((2, 3), keepdim=True) * seen).sum(1)
    return weighted.relu() if relu else weighted


def guided(arriving: Tensor, leaving: Tensor) -> Tensor:
    """Springenberg et al. 2014: what ReLU lets through, if positive."""
    return leaving.clamp(min=0)


def deconvnet(arriving: Tensor, leaving: Tensor) -> Tensor:
    """Zeiler and Fergus 2014: what arrives, if positive; the forward sign does not matter."""
    return arriving.clamp(min=0)


def with_rule(model: nn.Module, x: Tensor, target: Sequence[int], rule: Rule) -> Tensor:
    """The gradient with another backward of ReLU. Every ReLU of the model must be a module."""
    twin = copy.deepcopy(model)
    for module in twin.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
            module.register_full_backward_hook(lambda _, leaving, arriving: (rule(arriving[0], leaving[0]),))
    return saliency(twin, x, target)


def gradient_maps(model: nn.Module, x: Tensor, label: Sequence[int]) -> dict[str, Tensor]:
    """`∂L/∂W` of the mean cross-entropy, by parameter name."""
    twin = copy.deepcopy(model).requires_grad_(True)
    twin.zero_grad(set_to_none=True)
    F.cross_entropy(twin(x), torch.tensor(label)).backward()
    return {name: parameter.grad for name, parameter in twin.named_parameters()}


def gradient_flow(model: nn.Module, layers: Sequence[str], x: Tensor, label: Sequence[int]) -> dict[str, float]:
    """Euclidean norm of `∂L/∂a` of the mean cross-entropy, by the name of a module that is called once."""
    twin, seen = copy.deepcopy(model), []
    for layer in layers:
        twin.get_submodule(layer).register_forward_hook(lambda _, __, output: seen.append(output) or output.clone())
    loss = F.cross_entropy(twin(x.clone().requires_grad_()), torch.tensor(label))
    gradients = torch.autograd.grad(loss, seen)
    return {layer: float(gradient.double().norm()) for layer, gradient in zip(layers, gradients, strict=True)}


def statistics(values: Tensor) -> dict[str, float]:
    """Mean, population standard deviation, extremes and share of exact zeros of all elements."""
    values = values.double()
    return {
        "mean": float(values.mean()),
        "std": float(values.std(correction=0)),
        "min": float(values.min()),
        "max": float(values.max()),
        "zero": float((values == 0).double().mean()),
    }
