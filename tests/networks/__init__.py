"""The zoo: small networks, each awkward in its own way, which every method must look at or refuse with the reason."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from tests.networks import sequence, strange, vision
from tests.networks.network import Network as Network
from tests.networks.network import integers, normal, seeded

_GRADIENT_CAMS = ("grad_cam", "grad_cam_plus_plus", "hires_cam", "layer_cam", "xgrad_cam", "eigen_grad_cam")
_OTHER_CAMS = ("eigen_cam", "score_cam", "ablation_cam")
_NO_GRID = dict.fromkeys(
    (*_GRADIENT_CAMS, *_OTHER_CAMS, "activation_maps", "full_grad", "guided_grad_cam"), "(?i)convolution"
)
_NO_CLASSES = dict.fromkeys(("gradient_maps", "gradient_flow"), "(?i)classes")
_NO_RULE = dict.fromkeys(("guided_backprop", "guided_grad_cam", "deconvolution"), "(?i)activation|sigmoid|tanh")
_NO_PART = dict.fromkeys(("guided_backprop", "guided_grad_cam", "deconvolution", "deep_lift"), "(?i)part of another")
_NO_EDIT = {"ablation_cam": "(?i)cannot be replaced"}
_NO_STREAM = dict.fromkeys(("logit_lens", "logit_attribution"), "(?i)residual stream|post-norm")
_NO_ATTENTION = dict.fromkeys(
    (
        "attention_weights",
        "attention_gradient",
        "attention_heads",
        "attention_norms",
        "attention_rollout",
        "attention_relevance",
        "attention_max_flow",
    ),
    "(?i)attention|script|gradient",
)
_NOTHING_INSIDE = "(?i)script"
_INSIDE = (
    "activation_maps",
    "activation_statistics",
    *_GRADIENT_CAMS,
    *_OTHER_CAMS,
    "full_grad",
    "deep_lift",
    "lrp",
    "attn_lrp",
    "hierarchy",
    "guided_backprop",
    "guided_grad_cam",
    "deconvolution",
    "gradient_maps",
    "gradient_flow",
    "slices",
    "dynamic_slice",
    "flow_graph",
    "logit_lens",
    "logit_attribution",
)
_GRADIENT = (
    *_GRADIENT_CAMS,
    "saliency",
    "input_x_gradient",
    "integrated_gradients",
    "smooth_grad",
    "expected_gradients",
    "full_grad",
    "deep_lift",
    "lrp",
    "attn_lrp",
    "hierarchy",
    "agreement",
    "guided_backprop",
    "guided_grad_cam",
    "deconvolution",
    "gradient_maps",
    "gradient_flow",
    "slices",
    "dynamic_slice",
)
_NO_GRADIENT = dict.fromkeys((*_GRADIENT, "activation_maximization"), "(?i)gradient")
del _NO_GRADIENT["slices"]  # it shows what else there is, and says so
_NO_NUMBERS = {"activation_maximization": "words"}

_image = normal(3, 14, 14)
_steps = normal(6, 5)


def _two_inputs(examples: int) -> tuple[Tensor, Tensor]:
    return normal(3, 10, 10)(examples), normal(4, seed=2)(examples)


def _masked(examples: int) -> dict[str, Any]:
    mask = torch.ones(4, 6, dtype=torch.bool)
    mask[1, 4:] = mask[3, 3:] = False
    return {"tokens": integers(11, 6)(examples), "mask": mask[:examples].clone()}


def _half_training() -> nn.Module:
    return strange.set_half_training(seeded(strange.half_trained)())


def _network(
    name: str,
    make: Callable[[], nn.Module],
    x: Callable[[int], Any] = _image,
    *quirks: str,
    refuses: Mapping[str, str] | None = None,
) -> Network:
    unread = {} if "residual stream" in quirks else _NO_STREAM
    unread = unread | ({} if "attention" in quirks else _NO_ATTENTION)
    return Network(name, seeded(make), x, frozenset(quirks), {**unread, **(refuses or {})})


ZOO: tuple[Network, ...] = (
    _network("article_net", vision.ArticleNet, normal(3, 32, 32), "functional", "reused"),
    _network("in_place", vision.InPlace, _image, "in place"),
    _network("called_twice", vision.CalledTwice, _image, "reused"),
    _network("residual", vision.Residual, _image, "in place"),
    _network("segmentation", vision.Segmentation, normal(3, 12, 12), "dense output"),
    _network("non_square", vision.CalledTwice, normal(3, 9, 17), "non-square"),
    _network("smooth", vision.Smooth, _image, "smooth activation"),
    _network("composed_activation", vision.ComposedActivation, _image, "composed activation", refuses=_NO_RULE),
    _network(
        "writes_through_view",
        vision.WritesThroughView,
        _image,
        "in place",
        "view",
        refuses={**dict.fromkeys(_GRADIENT_CAMS, "(?i)view"), **_NO_PART, **_NO_EDIT},
    ),
    _network("child_named_output", vision.ChildNamedOutput, _image, "names"),
    _network("channels_behind", vision.ChannelsBehind, normal(3, 16, 16), "channels behind"),
    _network("functional", vision.Functional, _image, "functional"),
    _network("tiny_vit", vision.TinyViT, normal(3, 16, 16), "attention", "prefix token", "residual stream"),
    _network("attention", sequence.AttentionClassifier, _steps, "attention", refuses=_NO_GRID),
    _network(
        "two_attentions",
        sequence.TwoAttentions,
        _steps,
        "attention",
        "residual stream",
        refuses=_NO_GRID | {"layer_cam": "lie on the input's grid"},  # it has a last block, off the grid
    ),
    _network("encoder_layer", sequence.EncoderClassifier, normal(6, 8), "attention", refuses=_NO_GRID),
    _network(
        "causal_lm",
        sequence.CausalLanguageModel,
        integers(11, 7),
        "attention",
        "residual stream",
        "tokens",
        "dense output",
        refuses=_NO_GRID | _NO_NUMBERS,
    ),
    _network(
        "tied_lm",
        sequence.TiedLanguageModel,
        integers(9, 5),
        "tokens",
        "tied",
        "dense output",
        refuses=_NO_GRID | _NO_NUMBERS,
    ),
    _network(
        "masked_tokens",
        sequence.MaskedTokens,
        _masked,
        "attention",
        "tokens",
        "keywords",
        refuses=_NO_GRID | _NO_NUMBERS,
    ),
    _network(
        "lstm", sequence.Recurrent, _steps, "recurrent", refuses=_NO_GRID | {"activation_statistics": "(?i)activation"}
    ),
    _network("rows", sequence.rows, normal(6), "features", refuses=_NO_GRID),
    _network("regression", sequence.regression, normal(6), "features", "one output", refuses=_NO_GRID | _NO_CLASSES),
    _network("series", sequence.series, normal(2, 20), "series"),
    _network("volume", sequence.volume, normal(1, 7, 8, 9), "volume"),
    _network("two_inputs", sequence.TwoInputs, _two_inputs, "several inputs"),
    _network("dict_output", sequence.DictOutput, _image, "output"),
    _network("dataclass_output", sequence.DataclassOutput, _image, "output"),
    _network("tuple_output", sequence.TupleOutput, _image, "output"),
    _network("bfloat16", strange.bfloat16, normal(3, 14, 14, dtype=torch.bfloat16), "half"),
    _network("float64", strange.float64, normal(3, 14, 14, dtype=torch.float64), "double"),
    _network("frozen", strange.frozen, _image, "frozen"),
    Network("half_training", _half_training, _image, frozenset({"train mode"}), {**_NO_STREAM, **_NO_ATTENTION}),
    _network("compiled_wrapper", strange.compiled_wrapper, _image, "compiled"),
    _network("compiled_module", strange.compiled_module, _image, "compiled"),
    _network("scripted", strange.scripted, _image, "scripted", refuses=dict.fromkeys(_INSIDE, _NOTHING_INSIDE)),
    _network("parametrized", strange.parametrized, _image, "parametrized"),
    _network("counts_calls", strange.CountsCalls, _image, "state"),
    _network("writes_into_input", strange.WritesIntoInput, _image, "state", "in place"),
    _network("always_drops", strange.AlwaysDrops, _image, "random", refuses=_NO_EDIT),
    _network("unused_branch", strange.UnusedBranch, _image, "unused"),
    _network("no_gradient", strange.NoGradient, _image, "no gradient", refuses=_NO_GRADIENT),
    _network("checkpointed", strange.Checkpointed, _image, "checkpointed"),
    _network("own_hooks", strange.with_own_hooks, _image, "hooks"),
)

NETWORKS: Mapping[str, Network] = {network.name: network for network in ZOO}
