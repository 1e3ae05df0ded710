from math import prod

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from pellucid.core.errors import NotApplicable
from pellucid.engine.receptive.fields import Steps
from tests.engine.asking import see
from tests.engine.probing import normal, prove, ready, spots
from tests.networks import vision


def steps_of(model: nn.Module, x: Tensor, *layers: str) -> list[tuple[int, int, int]]:
    """Size, jump and offset, equal along both axes."""
    found: list[tuple[int, int, int]] = []
    for spot in spots(model, x, *layers):
        first, second = spot.field.steps
        assert (first.size, first.jump, first.offset) == (second.size, second.jump, second.offset)
        assert (first.axis, second.axis) == (0, 1)
        found.append((first.size, first.jump, first.offset))
    return found


def test_the_network_of_the_article():
    model, x = ready(vision.ArticleNet()), normal(1, 3, 32, 32)
    layers = ("conv1", "pool#0", "conv2", "pool#1")
    assert steps_of(model, x, *layers) == [(5, 1, 0), (6, 2, 0), (14, 2, 0), (16, 4, 0)]
    prove(model, x, *layers)
    (conv2,) = spots(model, x, "conv2")
    assert all(conv2.field.box((i, j)) == ((2 * i, 2 * i + 14), (2 * j, 2 * j + 14)) for i in range(10) for j in (0, 9))


def test_one_pixel_at_a_time():
    """Every pixel of the image, against the boxes of all units at once."""
    model, x = ready(vision.ArticleNet()), normal(1, 3, 32, 32)
    base, (spot,) = see(model, x, keep=["conv2"])["conv2"], spots(model, x, "conv2")
    reached = torch.zeros(10, 10, 32, 32, dtype=torch.bool)
    for row in range(0, 32, 3):
        for column in range(32):
            changed = x.clone()
            changed[0, :, row, column] += 20.0
            reached[:, :, row, column] = (see(model, changed, keep=["conv2"])["conv2"] != base).any(1)[0]
    boxes = torch.zeros_like(reached)
    for i in range(10):
        for j in range(10):
            (top, bottom), (left, right) = spot.field.box((i, j))
            boxes[i, j, top:bottom, left:right] = True
    assert not (reached & ~boxes).any()
    assert reached[:, :, ::3].sum() > 0.5 * boxes[:, :, ::3].sum()


def test_resnet18():
    model, x = ready(torchvision.models.resnet18(weights=None)), normal(1, 3, 80, 96)
    layers = ("conv1", "maxpool", "layer1", "layer2", "layer3", "layer4")
    assert [size for size, _, _ in steps_of(model, x, *layers)] == [7, 11, 43, 99, 211, 435]
    assert [jump for _, jump, _ in steps_of(model, x, *layers)] == [2, 4, 4, 8, 16, 32]
    prove(model, x, "maxpool", "layer1", at=[(0, 0), (19, 23), (9, 12)])
    deep = spots(model, x, "layer4")[0].field
    assert deep.whole and deep.region((0, 0)) == ((-217, 218), (-217, 218)) and deep.box((0, 0)) == ((0, 80), (0, 96))


@pytest.mark.parametrize(
    ("make", "size", "layers"),
    [
        (
            lambda: torchvision.models.DenseNet(8, (2, 3, 2), 16),
            (70, 75),
            ("features.denseblock1", "features.transition1", "features.denseblock2", "features.denseblock3"),
        ),
        (lambda: timm.create_model("tf_efficientnet_lite0"), (73, 66), ("conv_stem", "blocks.2")),
        (lambda: torchvision.models.shufflenet_v2_x0_5(weights=None), (65, 58), ("conv1", "stage2")),
    ],
    ids=["densenet", "efficientnet lite", "shufflenet"],
)
def test_known_networks(make, size, layers):
    torch.manual_seed(0)
    prove(ready(make()), normal(1, 3, *size), *layers)


@pytest.mark.parametrize("make", [vision.InPlace, vision.WritesThroughView, vision.ChannelsBehind, vision.Segmentation])
def test_every_layer_of_awkward_networks(make):
    torch.manual_seed(0)
    model, x = ready(make()), normal(1, 3, 16, 16)
    seen = see(model, x, keep=["*"], fields=True).at("*")
    prove(model, x, *(spot.address for spot in seen if spot.layout is not None))


def test_inception():
    torch.manual_seed(0)
    model = torchvision.models.inception_v3(weights=None, aux_logits=False, init_weights=False)
    model, x = ready(model), normal(1, 3, 91, 83)
    prove(model, x, "maxpool2", "Mixed_5b", at=[(0, 0), (4, 3)])
    (mixed,) = spots(model, x, "Mixed_5b")
    pointwise, five = mixed.field.box((5, 4), channel=0), mixed.field.box((5, 4), channel=70)
    assert (pointwise[0][1] - pointwise[0][0], five[0][1] - five[0][0]) == (31, 63)
    assert mixed.field.box((5, 4)) == five


def test_a_u_net_has_a_table_where_it_repeats_cells():
    model, x = ready(vision.UNet()), normal(1, 3, 32, 32)
    prove(model, x, "down1", "down2", "down3", "up2", "join2", "up1", "join1")
    down, up = spots(model, x, "down3", "up2")
    assert down.field.steps[0] == Steps(0, 4, -14, 32) and up.field.steps == (None, None)


class Awkward(nn.Module):
    """Uneven padding, dilation, ceil mode, even kernels, crops, flips, enlargements and gaps."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, (3, 5), stride=(2, 1), padding="valid", dilation=(2, 1))
        self.largest = nn.MaxPool2d(3, 2, 1, ceil_mode=True)
        self.same = nn.Conv2d(4, 4, (4, 3), padding="same", dilation=(3, 2))
        self.mean = nn.AvgPool2d(2, 3, ceil_mode=True, count_include_pad=False)
        self.norm = nn.LPPool2d(2, (2, 3), 1)
        self.wide = nn.Conv2d(4, 4, 3, padding=2)
        self.gaps = nn.ConvTranspose2d(4, 4, 3, stride=2, padding=1, output_padding=1, dilation=2)
        self.fewer = nn.AdaptiveAvgPool2d((5, 4))
        self.cropped, self.mirrored = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3)
        self.smooth, self.round = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular")
        self.shuffled, self.beyond = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 1, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.same(self.largest(self.first(F.pad(x, (1, 0, 2, 3)))))
        cropped = self.cropped(x[:, :, 2:-1, 1::2])
        mirrored = self.mirrored(F.pad(cropped.flip(-1), (1, 2, 0, 3), mode="reflect"))
        x = self.wide(self.mean(x))
        gaps = self.gaps(x)
        smooth = self.smooth(F.interpolate(x, scale_factor=1.7, mode="bilinear", align_corners=False))
        cubic = F.interpolate(smooth, (9, 21), mode="bicubic", align_corners=True)
        beyond = self.beyond(self.shuffled(F.pixel_shuffle(self.norm(smooth), 2)))
        parts = (self.fewer(gaps), mirrored, self.round(gaps), beyond, cubic, torch.roll(x, 1, 3))
        return torch.stack([part.mean() for part in parts]).sum()[None]


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(
    "layers",
    [
        ("first", "largest", "same", "mean", "wide"),
        ("gaps", "fewer", "round"),
        ("cropped", "mirrored"),
        ("smooth", "norm", "shuffled", "beyond"),
    ],
)
def test_awkward_geometry(layers):
    torch.manual_seed(0)
    prove(ready(Awkward()), normal(1, 3, 40, 37), *layers)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_a_unit_that_nothing_reaches():
    model, x = ready(Awkward()), normal(1, 3, 40, 37)
    (gaps,) = spots(model, x, "gaps")
    assert gaps.field.box((0, 0)) is None and gaps.field.region((0, 0)) is None
    assert gaps.field.box((1, 1)) is not None


@pytest.mark.parametrize(
    ("model", "shape", "layers"),
    [
        (
            lambda: nn.Sequential(
                nn.Conv1d(2, 3, 5, stride=2, padding=1),
                nn.ReLU(),
                nn.AvgPool1d(2, ceil_mode=True),
                nn.Conv1d(3, 3, 3, dilation=3, padding="same"),
            ),
            (2, 51),
            ("0", "2", "3"),
        ),
        (
            lambda: nn.Sequential(
                nn.Conv3d(2, 3, 3, stride=(1, 2, 1), padding=1),
                nn.ReLU(),
                nn.MaxPool3d(2, ceil_mode=True),
                nn.Conv3d(3, 3, (1, 3, 3), dilation=(1, 2, 1)),
            ),
            (2, 9, 21, 11),
            ("0", "2", "3"),
        ),
    ],
    ids=["series", "volume"],
)
def test_series_and_volumes(model, shape, layers):
    torch.manual_seed(0)
    prove(ready(model()), normal(1, *shape), *layers)


class Squeezed(nn.Module):
    """A squeeze-excitation between two convolutions; its gate can be held."""

    def __init__(self, pool: str = "mean") -> None:
        super().__init__()
        self.before, self.after = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.gate, self.pool, self.held = nn.Linear(4, 4), pool, None

    def forward(self, x: Tensor) -> Tensor:
        x = self.before(x)
        small = x.mean((2, 3)) if self.pool == "mean" else F.adaptive_max_pool2d(x, 1).flatten(1)
        gate = torch.sigmoid(self.gate(small)) if self.held is None else self.held
        return self.after(x * gate[:, :, None, None])


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_a_squeeze_excitation_reads_the_whole_image_and_has_local_paths(pool):
    torch.manual_seed(0)
    model, x = ready(Squeezed(pool)), normal(1, 3, 12, 15)
    before, after = spots(model, x, "before", "after")
    assert before.local_field.steps == before.field.steps and not before.field.mixed and not before.local_field.local
    assert after.field.whole and after.field.mixed and not after.field.local
    local = after.local_field
    assert local.local and local.steps == (Steps(0, 1, -2, 5), Steps(1, 1, -2, 5))
    held = ready(Squeezed(pool))
    held.load_state_dict(model.state_dict())
    held.held = torch.full((1, 4), 0.3, dtype=torch.float64)
    assert spots(held, x, "after")[0].field.steps == local.steps
    prove(held, x, "after")


@pytest.mark.parametrize("norm", [nn.GroupNorm(2, 4), nn.InstanceNorm2d(4), nn.LayerNorm((4, 9, 9))])
def test_norms_over_the_map(norm):
    torch.manual_seed(0)
    model, x = (
        ready(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), norm, nn.Conv2d(4, 2, 3, padding=1))),
        normal(1, 3, 9, 9),
    )
    (last,) = spots(model, x, "2")
    assert last.field.whole and last.local_field.size == (5, 5)
    prove(model, x, "2")


def test_tokens():
    torch.manual_seed(0)
    model = torchvision.models.VisionTransformer(32, 8, 2, 2, 16, 32)
    patches, layer = spots(ready(model), normal(1, 3, 32, 32), "conv_proj", "encoder.layers.encoder_layer_1")
    assert patches.field.steps == (Steps(0, 8, 0, 8), Steps(1, 8, 0, 8))
    assert layer.field.whole and layer.layout.prefix == 1
    assert layer.local_field.steps == patches.field.steps and layer.local_field.box((1, 2)) == ((8, 16), (16, 24))


def test_windows_of_tokens():
    torch.manual_seed(0)
    model = torchvision.models.SwinTransformer([4, 4], 12, [1, 1], [2, 2], [4, 4])
    model, x = ready(model), normal(1, 3, 32, 32)
    prove(model, x, "features.0", "features.1")
    (windows,) = spots(model, x, "features.1")
    assert windows.layout.kind == "channels_last" and windows.field.box((3, 4)) == ((0, 16), (16, 32))


class Unseen(nn.Module):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.conv, self.last, self.how = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3), how

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.how == "unknown":
            x = torch.fft.ifft2(torch.fft.fft2(x)).real
        elif self.how == "read":
            x = x if float(x.sum()) > 0 else -x
        elif self.how == "transformed":
            x = torch.vmap(lambda one: one.cumsum(-1))(x)
        elif self.how == "index":
            x = x[:, :, x[0, 0, :, 0].argsort()]
        return self.last(x)


@pytest.mark.parametrize(
    ("how", "name"),
    [("unknown", "fft_fft2"), ("read", "__float__"), ("index", "getitem"), ("transformed", "code that cannot be seen")],
)
def test_what_is_not_known_reads_everything_and_is_said(how, name):
    torch.manual_seed(0)
    first, last = spots(ready(Unseen(how)), normal(1, 1, 9, 9), "conv", "last")
    assert not first.field.unknown and first.field.size == (3, 3)
    assert last.field.whole and name in last.field.unknown and last.local_field is None


class Written(nn.Module):
    """Writes into what it made, through views and by index."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.last = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(1, 2, 7, padding=3), nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        out = x.new_zeros(1, 4, *x.shape[2:])
        out[:, :2] = self.one(x)
        wide = out[:, 2:]
        wide[..., 3:] += self.two(x)[..., 3:]
        return self.last(out.relu_())


def test_writes_in_place():
    torch.manual_seed(0)
    model, x = ready(Written()), normal(1, 1, 12, 12)
    prove(model, x, "last")
    field = spots(model, x, "last")[0].field
    assert (field.box((6, 2)), field.box((6, 3))) == (((5, 8), (1, 4)), ((3, 10), (0, 7)))


def test_a_field_without_a_grid():
    model, x = ready(vision.ArticleNet()), normal(1, 3, 32, 32)
    (scores,) = spots(model, x, "fc1")
    assert scores.field.grid == () and scores.field.box(()) == ((0, 32), (0, 32)) and scores.local_field is None
    with pytest.raises(NotApplicable, match="no unit at"):
        scores.field.box((1,))


def test_it_comes_only_where_it_is_asked_for_and_counts_one_forward():
    model, x = vision.ArticleNet(), torch.randn(3, 3, 32, 32)
    assert see(model, x, keep=["conv1"]).at("conv1")[0].field is None
    batch = see(model, x, keep=["conv1"], fields=True).at("conv1")[0]
    assert batch.value.shape[0] == 3 and batch.field.size == (5, 5)
    assert prod(batch.field.extent) == 32 * 32
