"""A replay of what can have changed equals whole forwards, whatever convolutional network it is."""

import hypothesis.strategies as st
import pytest
import torch
import torchvision.models as vision
from hypothesis import given
from torch import nn
from torch.nn import functional as F

from pellucid.engine.cones import plan as cone_plan
from pellucid.engine.cones.plan import first_boxes, planned
from pellucid.engine.cones.replay import Replay
from pellucid.engine.cones.tape import CannotReplay
from tests.engine.replaying import relative, replayed, taped, whole, windows
from tests.networks import NETWORKS

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
WIDTH = 4
LAYERS = (
    *("conv", "dilated", "strided", "grouped", "same", "even", "reflected", "relu", "relu_", "norm", "smooth", "map"),
    *(
        "max",
        "max ceil",
        "mean",
        "mean padded",
        "mean unpadded",
        "mean ceil",
        "residual",
        "residual_",
        "dense",
        "halves",
    ),
    *("pad", "nearest", "bilinear", "transposed", "gate", "reused", "prelu", "channels", "scaled", "roll"),
)


class Drawn(nn.Module):
    """Layers drawn by name, then an end that reads the whole map."""

    def __init__(self, names, end, rank=2):
        super().__init__()
        self.names, self.end, self.rank = names, end, rank
        conv = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[rank]
        back = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}[rank]
        norm = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}[rank]
        self.shared = conv(WIDTH, WIDTH, 3, padding=1)
        made = {
            "conv": lambda: conv(WIDTH, WIDTH, 3),
            "dilated": lambda: conv(WIDTH, WIDTH, 3, padding=2, dilation=2),
            "strided": lambda: conv(WIDTH, WIDTH, 3, stride=2, padding=1),
            "grouped": lambda: conv(WIDTH, WIDTH, 3, padding=1, groups=2, bias=False),
            "same": lambda: conv(WIDTH, WIDTH, 4, padding="same"),
            "even": lambda: conv(WIDTH, WIDTH, 2, stride=2),
            "reflected": lambda: conv(WIDTH, WIDTH, 3, padding=1, padding_mode="reflect"),
            "residual": lambda: conv(WIDTH, WIDTH, 3, padding=1),
            "residual_": lambda: conv(WIDTH, WIDTH, 1),
            "dense": lambda: conv(WIDTH, WIDTH // 2, 3, padding=1),
            "transposed": lambda: back(WIDTH, WIDTH, 3, stride=2, padding=1, output_padding=1),
            "norm": lambda: norm(WIDTH),
            "prelu": lambda: nn.PReLU(WIDTH),
        }
        self.parts = nn.ModuleList([made[name]() if name in made else nn.Identity() for name in names])
        for part in self.parts:
            if isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)):
                nn.init.normal_(part.running_mean)
                nn.init.uniform_(part.running_var, 0.5, 2)
        self.head = nn.Linear(WIDTH, 3)

    def forward(self, h):
        for name, part in zip(self.names, self.parts, strict=True):
            h = self.layer(name, part, h)
        if self.end == "pool":
            h = h.flatten(2).mean(2)
        elif self.end == "view":
            h = h.view(h.shape[0], WIDTH, -1).amax(-1)
        elif self.end == "softmax":
            h = (h.flatten(2).softmax(2) * h.flatten(2)).sum(2)
        else:
            h = h.permute(0, *range(2, h.ndim), 1).reshape(h.size(0), -1, WIDTH)[:, ::2].sum(1)
        return self.head(h)

    def layer(self, name, part, h):
        pool = {1: (F.max_pool1d, F.avg_pool1d), 2: (F.max_pool2d, F.avg_pool2d), 3: (F.max_pool3d, F.avg_pool3d)}
        largest, mean = pool[self.rank]
        made = {
            "relu": lambda: F.relu(h),
            "relu_": lambda: F.relu(part(h), inplace=True),
            "smooth": lambda: 1 - torch.tanh(h) / 2 + F.dropout(h, 0.5, training=False).clamp(-1, 1),
            "map": lambda: h * torch.linspace(0, 1, h.shape[-1]).expand(1, 1, *h.shape[2:]),
            "max": lambda: largest(h, 2),
            "max ceil": lambda: largest(h, 3, stride=2, padding=1, ceil_mode=True),
            "mean": lambda: mean(h, 2, stride=1),
            "mean padded": lambda: mean(h, 3, 2, 1),
            "mean unpadded": lambda: mean(h, 3, 1, 1, False, False),
            "mean ceil": lambda: mean(h, 2, 2, 0, True),
            "residual": lambda: F.relu(h + part(h)),
            "residual_": lambda: in_place(part(h), h),
            "dense": lambda: torch.cat([part(F.relu(h)), h[:, : WIDTH // 2]], 1),
            "halves": lambda: torch.cat(h.chunk(2, 1)[::-1], dim=1),
            "pad": lambda: F.pad(h, (1, 2) + (0, 1) * (self.rank - 1), value=0.5),
            "nearest": lambda: F.interpolate(h, scale_factor=2),
            "bilinear": lambda: F.interpolate(
                h, scale_factor=2, mode=("linear", "bilinear", "trilinear")[self.rank - 1], align_corners=True
            ),
            "gate": lambda: h * h.flatten(2).mean(2).sigmoid().view(-1, WIDTH, *[1] * self.rank),
            "reused": lambda: self.shared(F.relu(self.shared(h))),
            "channels": lambda: h.flip(1),
            "scaled": lambda: h / (1 + h.abs().amax()),
            "roll": lambda: h.roll(1, 0),
        }
        return made[name]() if name in made else part(h)


def in_place(a, b):
    a += b
    return a.relu_()


def limited(names, kinds, most):
    """At most so many of these kinds of layer."""
    return [name for i, name in enumerate(names) if name not in kinds or sum(n in kinds for n in names[:i]) < most]


@pytest.mark.parametrize("most", [0.7, 1.1])
@given(
    names=st.lists(st.sampled_from(LAYERS), min_size=1, max_size=7),
    end=st.sampled_from(["pool", "view", "softmax", "grid"]),
    rank=st.sampled_from([1, 2, 2, 2, 3]),
    size=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_random_networks(most, names, end, rank, size, seed):
    torch.manual_seed(seed)
    side = {1: 33, 2: 17, 3: 13}[rank]
    names = limited(names, ("max", "max ceil", "mean padded", "mean ceil", "even", "strided"), 1)
    names = limited(names, ("conv", "mean"), 2)
    names = limited(names, ("nearest", "bilinear", "transposed"), 1)
    model = Drawn(names, end, rank).eval().double()
    x = torch.randn(1, WIDTH, *[side + i for i in range(rank)], dtype=torch.float64)
    boxes = windows(tuple(x.shape[2:]), size)
    before, cone_plan.MOST_SHARE = cone_plan.MOST_SHARE, most
    try:
        expected = whole(model, x, boxes, 0.5)
        again, _ = replayed(model, x, boxes, 0.5)
    finally:
        cone_plan.MOST_SHARE = before
    if "roll" not in names:
        assert relative(again, expected) < 1e-11


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_each_layer(name, rank):
    model = Drawn(["conv", name, "relu_"], "pool", rank).eval().double()
    x = torch.randn(1, WIDTH, *{1: (40,), 2: (20, 26), 3: (15, 16, 14)}[rank], dtype=torch.float64)
    boxes = windows(tuple(x.shape[2:]), 3)
    again, plan = replayed(model, x, boxes)
    if name != "roll":
        assert relative(again, whole(model, x, boxes)) < 1e-12
    global_ = ("gate", "scaled", "bilinear", "channels", "reflected", "mean unpadded", "mean ceil", "roll")
    kinds = {action.kind for action in plan.actions if action.step.name not in ("flatten", "mean", "linear")}
    assert ("full" in kinds) == (name in global_), kinds


def test_boxes_of_several_sizes_and_a_fill_that_changes_nothing():
    model = Drawn(["conv", "relu", "strided", "residual"], "pool").eval().double()
    x = torch.full((1, WIDTH, 24, 31), 0.3, dtype=torch.float64)
    boxes = torch.tensor([[[0, 4], [0, 4]], [[21, 24], [30, 31]], [[5, 6], [9, 12]]])
    again, _ = replayed(model, x, boxes[:1], 0.3)
    with torch.no_grad():
        assert relative(again, model(x)) < 1e-14


@pytest.mark.parametrize(
    "name", ["vgg11_bn", "resnet18", "mobilenet_v2", "densenet121", "googlenet", "shufflenet_v2_x0_5", "squeezenet1_1"]
)
def test_torchvision(name):
    options = {"init_weights": False} if name == "googlenet" else {}
    model = getattr(vision, name)(num_classes=7, weights=None, **options).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
    x = torch.randn(1, 3, 96, 80)
    boxes = windows((96, 80), 12, 3)
    again, plan = replayed(model, x, boxes)
    assert relative(again, whole(model, x, boxes)) < 1e-5
    assert any(action.boxes is not None for action in plan.actions)


def test_encoder_and_decoder():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.down, self.deep = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
            self.up, self.out = nn.ConvTranspose2d(8, 4, 2, stride=2), nn.Conv2d(8, 3, 3, padding=1)

        def forward(self, x):
            first = F.relu(self.down(x))
            deep = F.relu(self.deep(F.max_pool2d(first, 2)))
            return {"out": self.out(torch.cat([first, self.up(deep)], 1)), "aux": deep.mean((2, 3))}

    model, x = Net().eval(), torch.randn(1, 3, 40, 40)
    boxes = windows((40, 40), 4)
    again, plan = replayed(model, x, boxes)
    for part in ("out", "aux"):
        rows = whole(lambda one, part=part: model(one)[part], x, boxes)
        assert relative(again[part], rows) < 1e-5
    assert sum(action.kind == "full" for action in plan.actions) == 1


class Mixing(nn.Module):
    """Forgets its rows: what it computes on several at once is not what it computes on each."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(WIDTH, 2, 3)

    def forward(self, x):
        rows = self.conv(x).view(1, 2, -1)[0]
        return (rows @ rows.T).reshape(1, 4) / rows.norm()


def test_rows_that_are_mixed_are_played_one_by_one():
    model, x, boxes = Mixing().double(), torch.randn(1, WIDTH, 12, 12, dtype=torch.float64), windows((12, 12), 3)
    assert relative(replayed(model, x, boxes)[0], whole(model, x, boxes)) < 1e-12


@pytest.mark.parametrize(
    "name", ["article_net", "writes_into_input", "residual", "functional", "channels_behind", "tiny_vit"]
)
def test_awkward_networks(name):
    network = NETWORKS[name]
    model, x = network.build(), network.x(1)
    boxes = windows(tuple(x.shape[2:]), 3)
    assert relative(replayed(model, x, boxes)[0], whole(model, x, boxes)) < 1e-5


def test_values_that_were_let_go_of_are_not_invented():
    x, boxes = torch.randn(1, WIDTH, 12, 12), windows((12, 12), 3)
    tape = taped(Drawn(["conv", "relu"], "pool").eval(), x)
    tape.values[0].clean = None
    plan = planned(tape, first_boxes(boxes.numpy(), (12, 12)))
    with pytest.raises(CannotReplay, match="let go"):
        Replay(tape, plan, x.new_zeros(len(boxes), WIDTH, 3, 3)).run()
