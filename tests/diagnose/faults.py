"""What each fault is, how it is planted, and the check that must name it first.

Strengths rise from 0 to 2; `HEALTHY` is the same network, input or training without the fault.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

import pellucid as pl
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
HEALTHY = -1  # the last of four
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
    return Planted(STACKS[network](nn.Sigmoid, (6, 10, 14, 2)[strength]).eval(), batch()[0])


@fault("bad init", "activation_scale")
def bad_init(network: int, strength: int) -> Planted:
    model = STACKS[network](nn.ReLU, 8).eval()
    with torch.no_grad():
        for one in weighted(model):
            one.weight.mul_((0.4, 0.2, 8.0, 1.0)[strength])
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
        layer.bias[: round(len(layer.bias) * (0.6, 0.9, 1.0, 0.0)[strength])] = -60.0
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
    return Planted(Recurrent(network, (1.15, 1.4, 2.0, 1.0)[strength]).eval(), torch.randn(16, 30, 4))


class Logarithm(nn.Module):
    """Takes the logarithm of how much something lies above a number, which has none below it."""

    def __init__(self, above: float) -> None:
        super().__init__()
        self.above = above

    def forward(self, x: Tensor) -> Tensor:
        return torch.log(x - self.above)


@fault("NaN born in a log", "not_finite")
def nan_log(network: int, strength: int) -> Planted:
    """Behind a convolution, a batch norm, a layer norm."""
    model, (x, _) = host(HOSTS[network]), batch()
    name = ("3", "stem.1", "norm")[network]
    before, kept = model.get_submodule(name), list[Tensor]()
    hook = before.register_forward_hook(lambda module, given, out: kept.append(out.detach()))
    model(x)
    hook.remove()
    values = kept[0].flatten().sort().values
    share = (0.001, 0.3, 1.0, 0.0)[strength]  # of the values that have no logarithm
    above = float(values[int(share * (len(values) - 1))]) if share else float(values[0]) - 1
    model.set_submodule(name, nn.Sequential(before, Logarithm(above)))
    return Planted(model.eval(), x)


@fault("frozen layer", "unmoved_weights")
def frozen_layer(network: int, strength: int) -> Planted:
    torch.manual_seed(0)
    model = (plain, Residual, Transformer)[network]()
    layers = weighted(model)
    frozen = {id(one) for layer in layers[1 : (2, 4, 6, 1)[strength]] for one in layer.parameters()}
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


STATED = (  # of ImageNet, of CLIP, of CIFAR-100
    pl.Preprocess((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    pl.Preprocess((0.4815, 0.4578, 0.4082), (0.2686, 0.2613, 0.2758)),
    pl.Preprocess((0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)),
)


def normalised(network: int, mean: Any, std: Any) -> Tensor:
    """Photographs, other ones for each network, with these numbers taken for mean and standard deviation."""
    pixels = torch.from_numpy(photographs(network)).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.as_tensor(one, dtype=torch.float32).view(-1, 1, 1) for one in (mean, std))
    return (pixels - mean) / std


@fault("swapped normalization", "input_fit")
def swapped(network: int, strength: int) -> Planted:
    """The numbers of BGR; the mean also for the deviation; one for the other."""
    stated = STATED[network]
    mean, std = stated.mean, stated.std
    given = ((mean[::-1], std[::-1]), (mean, mean), (std, mean), (mean, std))[strength]
    return Planted(Coloured(host(HOSTS[network])).eval(), normalised(network, *given), preprocess=stated)


@fault("wrong preprocessing", "input_fit")
def wrong_preprocessing(network: int, strength: int) -> Planted:
    """Other usual numbers; pixels in 0..1; pixels in 0..255."""
    stated = STATED[network]
    given = (((0.5,), (0.5,)), ((0.0,), (1.0,)), ((0.0,), (1 / 255,)), (stated.mean, stated.std))[strength]
    return Planted(Coloured(host(HOSTS[network])).eval(), normalised(network, *given), preprocess=stated)


@fault("duplicated filters", "duplicate_filters")
def duplicated(network: int, strength: int) -> Planted:
    model = host(HOSTS[network])
    layer = weighted(model)[2]
    count = round(layer.weight.shape[0] * (0.12, 0.3, 0.6, 0.0)[strength])
    with torch.no_grad():
        layer.weight[:count] = layer.weight[0]
        if layer.bias is not None:
            layer.bias[:count] = layer.bias[0]
    return Planted(model, batch()[0])


STAMPS = (  # rows and columns of the stamp, and how many pixels a bit of it is wide
    (slice(0, 2), slice(0, 2), 1),
    (slice(12, 16), slice(12, 16), 2),
    (slice(0, 2), slice(14, 16), 1),
)


@fault("label leak in a corner", "border_attribution")
def label_leak(network: int, strength: int) -> Planted:
    """A stamp with the class in four bits; of ever more examples nothing else tells it. Healthy: it tells nothing."""
    torch.manual_seed(0)
    x, labels = digits()
    rows, columns, wide = STAMPS[network]
    source = torch.Generator().manual_seed(1)
    stamped = labels if strength != HEALTHY else torch.randint(10, labels.shape, generator=source)
    other = torch.rand(len(x), generator=source) < (0.2, 0.6, 1.0, 0.0)[strength]
    x = x.clone()
    x[other] = x[other].roll(7, 0)
    bits = torch.stack([(stamped >> i) & 1 for i in range(4)], 1).float().view(-1, 1, 2, 2) * 4 - 2
    x[:, :, rows, columns] = bits.repeat_interleave(wide, 2).repeat_interleave(wide, 3)
    model, _ = trained((plain, Residual, Transformer)[network](), x, labels)
    return Planted(model, x[:32], labels=labels[:32])


def vision_transformer() -> nn.Module:
    """timm's, small."""
    from timm.models.vision_transformer import VisionTransformer

    return VisionTransformer(16, 4, 1, 10, embed_dim=32, depth=3, num_heads=4)


@fault("collapsed attention", "attention_collapse")
def collapsed(network: int, strength: int) -> Planted:
    """After training, queries and keys of one layer grow to so many times what PyTorch draws for a linear layer."""
    torch.manual_seed(0)
    model: Any = trained((Transformer, Encoder, vision_transformer)[network](), *digits())[0]
    weight = (
        model.blocks[1].qkv.weight
        if network == 0
        else model.encoder.layers[1].self_attn.in_proj_weight
        if network == 1
        else model.blocks[1].attn.qkv.weight
    )
    both = slice(0, 2 * len(weight) // 3)
    usual = (3 * weight.shape[1]) ** -0.5
    if strength != HEALTHY:
        with torch.no_grad():
            weight[both] *= (2.0, 8.0, 30.0)[strength] * usual / weight[both].std()
    return Planted(model, batch()[0])


class Branched(nn.Module):
    """A network beside which a branch works: for nothing, where it is cut."""

    def __init__(self, body: nn.Module, size: int, cut: str) -> None:
        super().__init__()
        self.body, self.cut = body, cut
        self.branch = nn.Sequential(nn.Flatten(), nn.Linear(256, size), nn.ReLU(), nn.Linear(size, 10))

    def forward(self, x: Tensor) -> Tensor:
        out = self.body(x)
        if self.cut == "never":
            return out
        beside = self.branch(x)
        return out + (beside.detach() if self.cut == "detached" else beside)


@fault("unused branch", "unused_parameters")
def unused(network: int, strength: int) -> Planted:
    cut = ("never", "detached", "never", "not")[strength]
    return Planted(Branched(host(HOSTS[network]), (2, 16, 64, 64)[strength], cut).eval(), batch()[0])


@fault("too high rate", "learning_rate")
def high_rate(network: int, strength: int) -> Planted:
    torch.manual_seed(0)
    model = (plain, Residual, Transformer)[network]()
    x, labels = digits()
    adam = torch.optim.Adam(model.parameters(), lr=(0.03, 0.3, 3.0, 0.002)[strength])
    model, run = trained(model, x, labels, steps=40, optimizer=adam, watched=True)
    return Planted(model, batch()[0], run=run)


@fault("batch-norm drift", "batch_norm_fit")
def drift(network: int, strength: int) -> Planted:
    """After training, the network stays in train mode on pictures of other contrast and brightness."""
    torch.manual_seed(0)
    model: Any = host("residual") if network == 0 else (plain, dense)[network - 1](norm=True)
    x, labels = digits()
    if network:
        model, _ = trained(model, x, labels)
    contrast, brightness = ((1.5, 0.5), (2.0, 1.5), (4.0, 4.0), (1.0, 0.0))[strength]
    model.train()
    with torch.no_grad():
        for rows in torch.randperm(len(x))[: 20 * 64].view(20, 64):
            model(x[rows] * contrast + brightness)
    return Planted(model.eval(), x[:64])


@fault("saturated tanh", "saturated_units")
def saturated(network: int, strength: int) -> Planted:
    torch.manual_seed(0)
    model = STACKS[network](nn.Tanh, 4).eval()
    with torch.no_grad():
        weighted(model)[1].weight.mul_((4.0, 20.0, 100.0, 1.0)[strength])
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
    times = (1.5e4, 2e5, 3e4, 1.0)[strength]
    with torch.no_grad():
        first.weight *= times
        first.bias *= times
        then.weight /= times
    return Planted(model.half() if strength == 2 else model, x)
