import pytest
import timm
import torch
import torchvision.models as zoo
from torch import nn
from torch.nn import functional as F

from pellucid.core.errors import NotApplicable
from pellucid.engine.looker import Looker
from pellucid.engine.roles import Layout, _layout
from tests.engine.asking import addresses, see
from tests.networks import NETWORKS, seeded, vision

# The last place whose cells still are places of the picture, and which the output still reads: behind the last
# convolution for convolutional networks, before the last attention where attention mixes the cells afterwards.
LAST_SPATIAL = {
    "torchvision resnet18": (zoo.resnet18, 64, "layer4"),
    "torchvision vgg11_bn": (lambda: zoo.vgg11_bn(num_classes=10, init_weights=False), 64, "avgpool"),
    "torchvision densenet121": (zoo.densenet121, 64, "features"),
    "torchvision mobilenet_v3_small": (zoo.mobilenet_v3_small, 64, "features"),
    "torchvision efficientnet_b0": (zoo.efficientnet_b0, 64, "features"),
    "torchvision convnext_tiny": (zoo.convnext_tiny, 64, "features"),
    "torchvision swin_t": (zoo.swin_t, 64, "permute"),
    "torchvision swin_v2_t": (zoo.swin_v2_t, 64, "permute"),
    "torchvision maxvit_t": (zoo.maxvit_t, 224, "blocks.3"),
    "torchvision vit_b_16": (
        lambda: zoo.VisionTransformer(64, 16, 12, 3, 96, 128),
        64,
        "encoder.layers.encoder_layer_11.ln_1",
    ),
    "torchvision inception_v3": (lambda: zoo.inception_v3(init_weights=False), 160, "Mixed_7c"),
    "torchvision regnet_y_400mf": (zoo.regnet_y_400mf, 64, "trunk_output"),
    "torchvision shufflenet_v2_x0_5": (zoo.shufflenet_v2_x0_5, 64, "conv5"),
    "torchvision squeezenet1_1": (zoo.squeezenet1_1, 64, "classifier.2"),
    "timm vit_tiny_patch16": (lambda: timm.create_model("vit_tiny_patch16_224", img_size=64), 64, "blocks.11.norm1"),
    "timm deit_tiny_distilled": (
        lambda: timm.create_model("deit_tiny_distilled_patch16_224", img_size=64),
        64,
        "blocks.11.norm1",
    ),
    "timm vit_small dinov2 with registers": (
        lambda: timm.create_model("vit_small_patch14_reg4_dinov2", img_size=112),
        112,
        "blocks.11.norm1",
    ),
    "timm convnextv2_atto": (lambda: timm.create_model("convnextv2_atto"), 64, "norm_pre"),
    "timm resnetv2_50": (lambda: timm.create_model("resnetv2_50"), 64, "norm"),
    "timm mixer_s32": (lambda: timm.create_model("mixer_s32_224"), 224, "norm"),
    "timm levit_128s": (lambda: timm.create_model("levit_128s"), 224, "stages"),
    "timm efficientformer_l1": (lambda: timm.create_model("efficientformer_l1"), 224, "stages.3.blocks.4.norm1"),
    "timm pvt_v2_b0": (lambda: timm.create_model("pvt_v2_b0"), 64, "stages"),
    "timm cait_xxs24": (lambda: timm.create_model("cait_xxs24_224", img_size=64), 64, "blocks_token_only.1.norm1"),
    "timm swinv2_tiny": (lambda: timm.create_model("swinv2_tiny_window8_256", img_size=128), 128, "norm"),
    "timm maxvit_rmlp_pico": (
        lambda: timm.create_model("maxvit_rmlp_pico_rw_256", img_size=64),
        64,
        "norm",
    ),
    "timm tf_efficientnet_lite0": (lambda: timm.create_model("tf_efficientnet_lite0"), 64, "bn2"),
    "timm vit_tiny, mean of the tokens": (
        lambda: timm.create_model("vit_tiny_patch16_224", img_size=64, depth=2, global_pool="avg", class_token=False),
        64,
        "blocks.1.norm1",
    ),
    "timm vit_tiny, attention pooling": (
        lambda: timm.create_model("vit_tiny_patch16_224", img_size=64, depth=2, global_pool="map", class_token=False),
        64,
        "norm",
    ),
    "timm mobilevit_xxs": (lambda: timm.create_model("mobilevit_xxs"), 128, "final_conv"),
}


# Their heads begin at zero, so no gradient arrives anywhere.
NO_HEAD = {"torchvision vit_b_16", "timm mixer_s32"}
# An answer on the grid: the last features on the coarsest grid. At the answer, what raises it is itself.
DENSE = {
    "U-Net": (vision.UNet, (32, 48), "down3", (8, 12)),
    "torchvision lraspp": (
        lambda: zoo.segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=5),
        (64, 96),
        "classifier.cbr",
        (4, 6),
    ),
    "torchvision deeplabv3": (
        lambda: zoo.segmentation.deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=5),
        (64, 96),
        "classifier.3",
        (4, 6),
    ),
}
VIDEOS = {
    "torchvision r3d_18": (zoo.video.r3d_18, (4, 32, 48), "layer4", (1, 2, 3)),
    "torchvision swin3d_t": (zoo.video.swin3d_t, (4, 64, 64), "norm", (2, 2, 2)),
}


# Where the head begins with a convolution, the last block lies in front of it; everywhere else it is "last spatial".
HEADED = {
    "torchvision mobilenet_v3_small": "features.11",
    "torchvision efficientnet_b0": "features.7",
    "torchvision shufflenet_v2_x0_5": "stage4",
    "timm tf_efficientnet_lite0": "blocks.6",
    "timm mobilevit_xxs": "stages.4",
}


@pytest.mark.parametrize("name", [*DENSE, *VIDEOS])
def test_last_spatial_of_dense_answers_and_of_films(name):
    build, sides, expected, grid = {**DENSE, **VIDEOS}[name]
    looker = Looker(seeded(build)())
    seen = see(looker, torch.randn(1, 3, *sides), keep=["last spatial", "last block"], grads=["last spatial"])
    (spot,) = seen.at("last spatial")
    assert addresses(seen, "last block") == [expected]
    layout = next(iter(looker.traces.values())).layout(spot.place)
    assert spot.address == expected and layout.grid == grid and layout.prefix == 0
    assert spot.gradient.any()


@pytest.mark.parametrize("name", LAST_SPATIAL)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_last_spatial(name):
    build, side, expected = LAST_SPATIAL[name]
    looker = Looker(seeded(build)())
    x = torch.randn(1, 3, side, side)
    seen = see(looker, x, keep=["last spatial", "last block"], grads=["last spatial", "last block"])
    (spot,), (block,) = seen.at("last spatial"), seen.at("last block")
    assert spot.address == expected and block.address == HEADED.get(name, expected)
    assert block.layout is not None and block.layout.grid == spot.layout.grid
    assert (spot.gradient.any() and block.gradient.any()) or name in NO_HEAD
    layout = next(iter(looker.traces.values())).layout(spot.place)
    tokens = spot.value.shape[1] if layout.kind == "tokens" else None
    assert min(layout.grid) >= 2
    assert tokens is None or tokens == layout.grid[0] * layout.grid[1] + layout.prefix


class Pyramid(nn.Module):
    """Pools beside the features, coarser than they are, are no bottleneck."""

    def __init__(self):
        super().__init__()
        self.stem, self.part = nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 4, 1)
        self.pool, self.join, self.head = nn.AdaptiveAvgPool2d(2), nn.Conv2d(8, 6, 3, 1, 1), nn.Conv2d(6, 3, 1)

    def forward(self, x):
        x = self.stem(x)
        whole = F.interpolate(self.part(self.pool(x)), x.shape[2:])
        return F.interpolate(self.head(F.relu(self.join(torch.cat([x, whole], 1)))), scale_factor=2.0)


def test_a_pyramid_of_pools_is_no_bottleneck():
    seen = see(Pyramid(), torch.randn(1, 3, 16, 24), keep=["last spatial"])
    assert addresses(seen, "last spatial") == ["join"]


class Steps(nn.Module):
    """A convolution along time, a class token, attention."""

    def __init__(self, token):
        super().__init__()
        self.patch, self.token = nn.Conv1d(2, 8, 4, 4), nn.Parameter(torch.randn(1, 1, 8)) if token else None
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder, self.head = nn.TransformerEncoder(layer, 2), nn.Linear(8, 3)

    def forward(self, x):
        x = self.patch(x).transpose(1, 2)
        if self.token is None:
            return self.head(self.encoder(x).mean(1))
        return self.head(self.encoder(torch.cat([self.token.expand(len(x), -1, -1), x], 1))[:, 0])


@pytest.mark.parametrize(("token", "kind", "prefix"), [(True, "tokens", 1), (False, "channels_last", 0)])
def test_tokens_along_time(token, kind, prefix):
    model = seeded(lambda: Steps(token))()
    layers = ["last spatial"]
    (spot,) = see(model, torch.randn(2, 2, 40), keep=layers, grads=layers).at("last spatial")
    assert spot.address == "encoder.layers.0.norm2"
    assert (spot.layout.kind, spot.layout.grid, spot.layout.prefix) == (kind, (10,), prefix)
    assert spot.gradient[:, prefix:].any()


def test_the_grid_that_was_seen_goes_before_a_merged_one_of_equal_size():
    """A film of 2 x 4 x 4 cells; its first convolution halved twice would have as many."""
    assert _layout((1, 33, 8), {3: [(4, 8, 8), (2, 4, 4), (8, 2, 2)]}, 8) == Layout("tokens", (2, 4, 4), 1)
    assert _layout((1, 9, 8), {2: [(3, 3)]}, 8) == Layout("tokens", (3, 3), 0)
    assert _layout((1, 17, 8), {3: [(4, 8, 8)]}, 8) == Layout("tokens", (4, 2, 2), 1)


@pytest.mark.parametrize(
    ("name", "expected", "kind", "prefix"),
    [
        ("article_net", "pool#1", "channels_first", 0),
        ("residual", None, "channels_first", 0),
        ("channels_behind", None, "channels_last", 0),
        ("tiny_vit", None, "tokens", 1),
        ("series", "3", "channels_first", 0),
        ("volume", "3", "channels_first", 0),
    ],
)
def test_last_spatial_of_the_zoo_and_how_it_lies(name, expected, kind, prefix):
    network = NETWORKS[name]
    spot = see(network.build(), network.x(2), keep=["last spatial"]).at("last spatial")[-1]
    assert spot.layout is not None and (spot.layout.kind, spot.layout.prefix) == (kind, prefix)
    assert expected is None or spot.address == expected


class Functional(nn.Module):
    """No module but the two that hold parameters."""

    def __init__(self):
        super().__init__()
        self.kernel, self.fc = nn.Parameter(torch.randn(4, 3, 3, 3)), nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(F.relu(F.conv2d(x, self.kernel)).mean((2, 3)))


def test_without_modules_the_function_call_is_the_place():
    seen = see(Functional(), torch.randn(1, 3, 6, 6), keep=["last spatial", "first conv", "every activation"])
    assert addresses(seen, "last spatial") == ["/relu.0"] and addresses(seen, "first conv") == ["/conv2d.0"]
    assert addresses(seen, "every activation") == ["/relu.0"]


def test_roles_of_the_article_net():
    network = NETWORKS["article_net"]
    roles = ("first conv", "every conv", "first weight", "every weight", "every activation")
    seen = see(network.build(), network.x(1), keep=list(roles))
    assert [addresses(seen, role) for role in roles] == [
        ["conv1"],
        ["conv1", "conv2"],
        ["conv1"],
        ["conv1", "conv2", "fc1", "fc2", "fc3"],
        ["/relu.0", "/relu.1", "/relu.2", "/relu.3"],
    ]


def test_a_role_is_read_from_a_trace_once():
    """It is asked for at every event of the first forward, and reading it takes a walk over all of them."""
    looker = Looker(seeded(vision.TinyViT)())
    see(looker, torch.randn(1, 3, 16, 16), keep=["last spatial"])
    reader = next(iter(looker.traces.values()))
    assert reader.places("last spatial") is reader.places("last spatial")


def test_what_goes_into_a_role():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3)).eval()
    seen = see(model, torch.randn(1, 3, 8, 8), keep=["every conv:in", "1"])
    assert addresses(seen, "every conv:in") == ["0:in", "2:in"]
    assert torch.equal(seen.at("every conv:in")[1].value, seen["1"])


BLOCKS = {
    "torchvision resnet18": ["layer1", "layer2", "layer3", "layer4"],
    "torchvision mobilenet_v3_small": [f"features.{i}" for i in range(1, 12)],
    "torchvision efficientnet_b0": [f"features.{i}" for i in range(1, 8)],
    "torchvision convnext_tiny": ["features.1", "features.3", "features.5", "features.7"],
    "torchvision swin_t": ["features.1", "features.3", "features.5", "features.7"],
    "torchvision vit_b_16": [f"encoder.layers.encoder_layer_{i}" for i in range(12)],
    "torchvision densenet121": [f"features.denseblock{i}" for i in range(1, 5)],
    "torchvision shufflenet_v2_x0_5": ["stage2", "stage3", "stage4"],
    "timm convnextv2_atto": ["stages.0", "stages.1", "stages.2", "stages.3"],
    "timm tf_efficientnet_lite0": [f"blocks.{i}" for i in range(7)],
}


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_are_the_outermost_modules_that_repeat(name):
    """Not stem and head, nor features and classifier, nor layers between stages, though these are of one class too."""
    build, side, _ = LAST_SPATIAL[name]
    seen = see(seeded(build)(), torch.randn(1, 3, side, side), keep=["every block"])
    assert addresses(seen, "every block") == BLOCKS[name]


def test_blocks_of_an_encoder():
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 3).eval()
    seen = see(encoder, torch.randn(1, 5, 8), keep=["every block"])
    assert addresses(seen, "every block") == ["layers.0", "layers.1", "layers.2"]


def test_the_last_block_where_nothing_lies_on_a_grid():
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 3).eval()
    seen = see(encoder, torch.randn(1, 5, 8), keep=["last block"])
    assert addresses(seen, "last block") == ["layers.2"] and seen.at("last block")[0].layout is None


def test_a_layer_that_is_called_twice_is_one():
    """Each of the two runs a convolution twice, and holds one."""

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = (nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU()) for _ in range(2))

        def forward(self, x):
            return self.two(self.two(self.one(self.one(x)))).mean((2, 3))

    with pytest.raises(NotApplicable, match="no module of two or more weighted layers repeats"):
        see(Twice(), torch.randn(1, 3, 8, 8), keep=["every block"])


def test_every_attention():
    network = NETWORKS["causal_lm"]
    seen = see(network.build(), network.x(1), keep=["every attention"])
    assert addresses(seen, "every attention") == ["/attention.0"]


ROLES = [
    "last spatial",
    "last block",
    "first conv",
    "every conv",
    "first weight",
    "every weight",
    "every block",
    "every activation",
    "every attention",
]


@pytest.mark.parametrize("name", ["article_net", "residual", "in_place", "channels_behind", "tiny_vit", "called_twice"])
@pytest.mark.parametrize("role", ROLES)
def test_a_role_means_the_same_whatever_else_is_asked_and_however_often(name, role):
    """The first look resolves it while the forward runs, the second from the remembered trace."""
    network = NETWORKS[name]
    looker = Looker(network.build())
    try:
        first = see(looker, network.x(2), keep=[role])
    except NotApplicable:
        with pytest.raises(NotApplicable):
            see(looker, network.x(2), keep=[role])
        return
    again = see(looker, network.x(2), keep=[role])
    crowded = see(network.build(), network.x(2), keep=[role, "*", "*:in", "output"])
    assert addresses(first, role) == addresses(again, role) == addresses(crowded, role)
    for one, two, three in zip(first.at(role), again.at(role), crowded.at(role), strict=True):
        assert torch.equal(one.value, two.value) and torch.equal(one.value, three.value)


@pytest.mark.parametrize(
    ("role", "reason"),
    [
        ("last spatial", "no output keeps the height and width"),
        ("last block", "no output keeps the height and width"),
        ("first conv", "it has no convolution"),
        ("every block", "no module of two or more weighted layers repeats"),
        ("every attention", "no attention was recognised"),
    ],
)
def test_a_network_without_such_a_place_is_told_why(role, reason):
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    with pytest.raises(NotApplicable, match=reason) as caught:
        see(model, torch.randn(2, 4), keep=[role])
    assert f"'{role}'" in caught.value.what


def test_a_grid_of_one_cell_is_no_grid():
    model = nn.Sequential(nn.Conv2d(3, 4, 8), nn.ReLU(), nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(NotApplicable, match="last spatial"):
        see(model, torch.randn(1, 3, 8, 8), keep=["last spatial"])


def test_what_is_made_larger_lies_on_a_grid_of_its_own():
    model = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.Upsample(scale_factor=3))
    assert see(model, torch.randn(1, 3, 8, 8), keep=[""]).at("")[0].layout == Layout("channels_first", (12, 12))
