"""What each fault is, how it is planted, and the check that must name it first."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from tests.diagnose.planted import (
    Encoder,
    Planted,
    Residual,
    Series,
    Transformer,
    batch,
    dense,
    digits,
    host,
    photographs,
    plain,
    trained,
)

Plant = Callable[[int, int], Planted]  # number of the network, strength
FAULTS: dict[str, tuple[str, Plant]] = {}
NETWORKS = (0, 1, 2)  # thresholds were fixed on 0
HOSTS = ("plain", "residual", "transformer")
STACKS: tuple[Callable[..., nn.Module], ...] = (plain, dense, Series)


def fault(name: str, check: str) -> Callable[[Plant], Plant]:
    """One of the sixteen."""

    def register(plant: Plant) -> Plant:
        FAULTS[name] = (check, plant)
        return plant

    return register


def weighted(model: nn.Module) -> list[Any]:
    """Linear and convolution layers, in order."""
    return [one for one in model.modules() if isinstance(one, (nn.Linear, nn.Conv1d, nn.Conv2d))]


@fault("sigmoid depth", "vanishing_gradients")
def sigmoid_depth(network: int, strength: int) -> Planted:
    return Planted(STACKS[network](nn.Sigmoid, (6, 10, 14)[strength]).eval(), batch()[0])


@fault("bad init", "activation_scale")
def bad_init(network: int, strength: int) -> Planted:
    model = STACKS[network](nn.ReLU, 8).eval()
    with torch.no_grad():
        for one in weighted(model):
            one.weight.mul_((0.4, 0.2, 8.0)[strength])
    return Planted(model, batch()[0])


@fault("dead ReLU layer", "dead_units")
def dead_relu(network: int, strength: int) -> Planted:
    model = host(HOSTS[network])
    layer: Any = (
        model[3]  # type: ignore[index]
        if network == 0
        else model.blocks[1][1]  # type: ignore[index]
        if network == 1
        else model.blocks[1].fc1  # type: ignore[index]
    )
    with torch.no_grad():
        layer.bias[: round(len(layer.bias) * (0.6, 0.9, 1.0)[strength])] = -60.0
    return Planted(model, batch()[0])


class Recurrent(nn.Module):
    """A recurrence over many steps: a layer, two layers, or a cell in a loop."""

    def __init__(self, network: int, radius: float) -> None:
        super().__init__()
        self.cell = (
            nn.RNNCell(4, 24, nonlinearity="relu")
            if network == 2
            else nn.RNN(4, 24, 1 + network, nonlinearity="relu", batch_first=True)
        )
        self.head = nn.Linear(24, 5)
        with torch.no_grad():
            for name, one in self.cell.named_parameters():
                if name.startswith("weight_hh"):
                    # every second unit is positive on its own: the growth of what stays on is the radius
                    one.copy_(radius * torch.linalg.qr(torch.rand(24, 24) * 0.3 + torch.eye(24))[0].abs())
                    one.mul_(radius / torch.linalg.eigvals(one).abs().max())

    def forward(self, x: Tensor) -> Tensor:
        if isinstance(self.cell, nn.RNN):
            return self.head(self.cell(x)[0][:, -1])
        state = x.new_zeros(len(x), 24)
        for step in x.unbind(1):
            state = self.cell(step, state)
        return self.head(state)


@fault("exploding recurrent", "recurrent_growth")
def exploding_recurrent(network: int, strength: int) -> Planted:
    return Planted(Recurrent(network, (1.15, 1.4, 2.0)[strength]).eval(), torch.randn(16, 30, 4))


class Logarithm(nn.Module):
    """Takes the logarithm of something that may be negative."""

    def __init__(self, above: float) -> None:
        super().__init__()
        self.above = above

    def forward(self, x: Tensor) -> Tensor:
        return torch.log(x - self.above)


@fault("NaN born in a log", "not_finite")
def nan_log(network: int, strength: int) -> Planted:
    model, (x, _) = host(HOSTS[network]), batch()
    quantile = (0.001, 0.3, 1.0)[strength]
    if network == 0:
        above = float(model[:5](x).detach().quantile(quantile))  # type: ignore[index]
        model = nn.Sequential(*model[:5], Logarithm(above), *model[5:])  # type: ignore[index,misc]
    elif network == 1:
        above = float(torch.quantile(model.stem(x).detach().flatten()[:200000], quantile))  # type: ignore[operator]
        model.stem.append(Logarithm(above))  # type: ignore[operator,union-attr]
    else:
        model.norm = nn.Sequential(model.norm, Logarithm((-3.0, 0.0, 9.0)[strength]))  # type: ignore[arg-type]
    return Planted(model.eval(), x)


@fault("frozen layer", "unmoved_weights")
def frozen_layer(network: int, strength: int) -> Planted:
    torch.manual_seed(0)
    model = (plain, Residual, Transformer)[network]()
    layers = weighted(model)
    frozen = {id(one) for layer in layers[1 : 2 + 2 * strength] for one in layer.parameters()}
    if strength == 1:
        for one in model.parameters():
            one.requires_grad_(id(one) not in frozen)
    free = [one for one in model.parameters() if id(one) not in frozen]
    x, labels = digits()
    model, run = trained(model, x, labels, steps=30, optimizer=torch.optim.Adam(free, lr=2e-3), watched=True)
    return Planted(model, batch()[0], run=run)


class Coloured(nn.Module):
    """Colour pictures of 64 × 64 for a network of digits."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        return self.body(nn.functional.adaptive_avg_pool2d(x.mean(1, keepdim=True), 16))


MEAN, STD = torch.tensor((0.485, 0.456, 0.406)), torch.tensor((0.229, 0.224, 0.225))


def normalised(mean: Tensor, std: Tensor) -> Tensor:
    pixels = torch.from_numpy(photographs()).permute(0, 3, 1, 2).float() / 255
    return (pixels - mean.view(3, 1, 1)) / std.view(3, 1, 1)


@fault("swapped normalization", "input_fit")
def swapped(network: int, strength: int) -> Planted:
    share = (0.3, 0.7, 1.0)[strength]
    x = normalised(MEAN + share * (STD - MEAN), STD + share * (MEAN - STD))
    return Planted(Coloured(host(HOSTS[network])).eval(), x, preprocess="imagenet")


@fault("wrong preprocessing", "input_fit")
def wrong_preprocessing(network: int, strength: int) -> Planted:
    x = (
        normalised(torch.full((3,), 0.5), torch.full((3,), 0.5)),
        normalised(torch.zeros(3), torch.ones(3)),
        normalised(torch.zeros(3), torch.ones(3) / 255),
    )[strength]
    return Planted(Coloured(host(HOSTS[network])).eval(), x, preprocess="imagenet")


@fault("duplicated filters", "duplicate_filters")
def duplicated(network: int, strength: int) -> Planted:
    model = host(HOSTS[network])
    layer = weighted(model)[2]
    count = max(2, round(layer.weight.shape[0] * (0.12, 0.3, 0.6)[strength]))
    with torch.no_grad():
        layer.weight[:count] = layer.weight[0]
        if layer.bias is not None:
            layer.bias[:count] = layer.bias[0]
    return Planted(model, batch()[0])


@fault("label leak in a corner", "border_attribution")
def label_leak(network: int, strength: int) -> Planted:
    torch.manual_seed(0)
    x, labels = digits(stamp=1.0)
    x = x.clone()
    stamps = x[:, :, :2, :2].clone()
    other = torch.rand(len(x), generator=torch.Generator().manual_seed(1)) < (0.2, 0.6, 1.0)[strength]
    x[other] = x[other].roll(7, 0)  # of so many examples only the stamp tells the label
    x[:, :, :2, :2] = stamps
    model, _ = trained((plain, Residual, Transformer)[network](), x, labels)
    return Planted(model, x[:32], labels=labels[:32])


@fault("collapsed attention", "attention_collapse")
def collapsed(network: int, strength: int) -> Planted:
    torch.manual_seed(0)
    times = (2.0, 8.0, 30.0)[strength]
    if network == 0:
        model: Any = host("transformer")
        weight = model.blocks[1].qkv.weight
    elif network == 1:
        model = Encoder().eval()
        weight = model.encoder.layers[1].self_attn.in_proj_weight
    else:
        from timm.models.vision_transformer import VisionTransformer

        model = VisionTransformer(16, 4, 1, 10, embed_dim=32, depth=3, num_heads=4).eval()
        weight = model.blocks[1].attn.qkv.weight
        times = 4 * times  # it starts from weights of 0.02
    with torch.no_grad():
        weight[: 2 * len(weight) // 3] *= times
    return Planted(model, batch()[0])


class Branched(nn.Module):
    """A network beside which a branch works for nothing."""

    def __init__(self, body: nn.Module, size: int, cut: str) -> None:
        super().__init__()
        self.body, self.cut = body, cut
        self.branch = nn.Sequential(nn.Flatten(), nn.Linear(256, size), nn.ReLU(), nn.Linear(size, 10))

    def forward(self, x: Tensor) -> Tensor:
        out = self.body(x)
        if self.cut == "never":
            return out
        return out + self.branch(x).detach()


@fault("unused branch", "unused_parameters")
def unused(network: int, strength: int) -> Planted:
    cut = "detached" if strength == 1 else "never"
    return Planted(Branched(host(HOSTS[network]), (2, 16, 64)[strength], cut).eval(), batch()[0])


@fault("too high rate", "learning_rate")
def high_rate(network: int, strength: int) -> Planted:
    torch.manual_seed(0)
    model = (plain, Residual, Transformer)[network]()
    x, labels = digits()
    adam = torch.optim.Adam(model.parameters(), lr=(0.03, 0.3, 3.0)[strength])
    model, run = trained(model, x, labels, steps=40, optimizer=adam, watched=True)
    return Planted(model, batch()[0], run=run)


@fault("batch-norm drift", "batch_norm_fit")
def drift(network: int, strength: int) -> Planted:
    torch.manual_seed(0)
    model: Any = host("residual") if network == 0 else (plain, dense)[network - 1](norm=True)
    if network:
        model, _ = trained(model, *digits())
    norms = [one for one in model.modules() if isinstance(one, (nn.BatchNorm1d, nn.BatchNorm2d))]
    with torch.no_grad():
        for one in norms[1:3]:
            one.running_mean += (0.6, 1.5, 4.0)[strength] * one.running_var.sqrt()
            one.running_var *= (0.8, 0.3, 0.05)[strength]
    return Planted(model.eval(), digits()[0][:64])


@fault("saturated tanh", "saturated_units")
def saturated(network: int, strength: int) -> Planted:
    torch.manual_seed(0)
    model = STACKS[network](nn.Tanh, 4).eval()
    with torch.no_grad():
        weighted(model)[1].weight.mul_((4.0, 20.0, 100.0)[strength])
    return Planted(model, batch()[0])


@fault("fp16 overflow", "half_range")
def overflow(network: int, strength: int) -> Planted:
    model: Any = host(HOSTS[network])
    x = batch()[0]
    first, then = (
        (model[3], model[6])
        if network == 0
        else (model.blocks[0][1], model.blocks[0][3])
        if network == 1
        else (model.blocks[0].fc1, model.blocks[0].fc2)
    )
    times = (1.5e4, 2e5, 2e5)[strength]
    with torch.no_grad():
        first.weight *= times
        first.bias *= times
        then.weight /= times
    return Planted(model.half() if strength == 2 else model, x)
