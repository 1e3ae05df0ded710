"""Flow graphs against torchview 0.2.7 (which calls there are) and torch's own counter (FLOPs).

torchview notes a module that does nothing with its input (dropout of whole rows, in evaluation) as "empty-pass"; that
is no call, and is left out. What it gave is stored here, and compared again where torchview is installed.
"""

from collections import Counter
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

import pellucid as pl
from pellucid.methods.structure._folded import fold, unfold

CALLS = {
    "resnet18": "20 conv2d 20 batch_norm 17 relu 1 max_pool2d 8 add 1 adaptive_avg_pool2d 1 flatten 1 linear",
    "vgg11": "8 conv2d 10 relu 5 max_pool2d 1 adaptive_avg_pool2d 1 flatten 3 linear 2 dropout",
    "alexnet": "5 conv2d 7 relu 3 max_pool2d 1 adaptive_avg_pool2d 1 flatten 2 dropout 3 linear",
    "densenet121": "120 conv2d 121 batch_norm 121 relu 1 max_pool2d 62 cat 3 avg_pool2d 1 adaptive_avg_pool2d "
    "1 flatten 1 linear",
    "mobilenet_v2": "52 conv2d 52 batch_norm 35 hardtanh 10 add 1 adaptive_avg_pool2d 1 flatten 1 dropout 1 linear",
    "googlenet": "57 conv2d 57 batch_norm 57 relu 13 max_pool2d 9 cat 1 adaptive_avg_pool2d 1 flatten 1 dropout "
    "1 linear",
    "inception_v3": "94 conv2d 94 batch_norm 94 relu 4 max_pool2d 9 avg_pool2d 15 cat 1 adaptive_avg_pool2d 1 dropout "
    "1 flatten 1 linear",
    "squeezenet1_0": "26 conv2d 26 relu 3 max_pool2d 8 cat 1 dropout 1 adaptive_avg_pool2d 1 flatten",
    "shufflenet_v2_x1_0": "56 conv2d 56 batch_norm 37 relu 1 max_pool2d 16 cat 32 view 16 transpose 16 contiguous "
    "13 chunk 1 mean 1 linear",
    "efficientnet_b0": "81 conv2d 49 batch_norm 49 silu 17 adaptive_avg_pool2d 16 sigmoid 16 mul 9 add 1 flatten "
    "1 dropout 1 linear",
    "mnasnet1_0": "52 conv2d 52 batch_norm 35 relu 10 add 1 mean 1 dropout 1 linear",
    "convnext_tiny": "22 conv2d 46 permute 23 layer_norm 37 linear 18 gelu 18 mul 18 add 1 adaptive_avg_pool2d "
    "1 flatten",
}


def built(name: str) -> tuple[nn.Module, torch.Tensor]:
    """The network without values, and an input of its size."""
    more = {"init_weights": False, "aux_logits": False} if name in ("googlenet", "inception_v3") else {}
    with torch.device("meta"):
        model = getattr(models, name)(weights=None, **more).eval()
    return model, torch.empty(1, 3, *(2 * [299 if name == "inception_v3" else 224]), device="meta")


def stored(text: str) -> Counter[str]:
    words = text.split()
    return Counter({name: int(count) for count, name in zip(words[::2], words[1::2], strict=True)})


def leaves(nest: Any) -> list[Any]:
    found = []
    for parts in nest.values():
        for part in parts:
            found += leaves(part) if isinstance(part, dict) else [part]
    return found


@pytest.mark.parametrize("name", CALLS)
def test_calls_of_convolutional_networks(name: str) -> None:
    model, x = built(name)
    graph = pl.flow_graph()(model, x)
    assert Counter(node["op"] for node in graph.nodes[1:-1]) == stored(CALLS[name])


@pytest.mark.skipif(find_spec("torchview") is None, reason="torchview is not installed; its counts are stored above")
@pytest.mark.parametrize("name", CALLS)
def test_what_is_stored_is_what_torchview_says(name: str) -> None:
    peer: Any = import_module("torchview")
    tensor = import_module("torchview.computation_node").TensorNode

    model, x = built(name)
    nest = peer.draw_graph(model, input_data=x, depth=100, expand_nested=True, device="meta").node_hierarchy
    said = Counter(one.name.lower().rstrip("_") for one in leaves(nest) if not isinstance(one, tensor))
    del said["empty-pass"]
    assert said == stored(CALLS[name])


def bert() -> tuple[nn.Module, Any]:
    transformers = pytest.importorskip("transformers")
    small = {"hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64, "vocab_size": 99}
    return transformers.BertModel(transformers.BertConfig(num_hidden_layers=3, **small)), _ids(99)


def llama() -> tuple[nn.Module, Any]:
    transformers = pytest.importorskip("transformers")
    small = {"hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 64, "vocab_size": 99}
    config = transformers.LlamaConfig(num_hidden_layers=7, num_key_value_heads=2, **small)
    return transformers.LlamaForCausalLM(config), _ids(99)


def _ids(most: int) -> dict[str, torch.Tensor]:
    return {"input_ids": torch.randint(most, (2, 11), generator=torch.Generator().manual_seed(0))}


NETWORKS = {
    "resnet50": lambda: (models.resnet50(weights=None), torch.randn(1, 3, 32, 32)),
    "vit": lambda: (models.VisionTransformer(32, 8, 2, 2, 16, 32), torch.randn(2, 3, 32, 32)),
    "swin": lambda: (
        models.SwinTransformer([4, 4], 8, [2, 2], [2, 4], [4, 4], num_classes=5),
        torch.randn(1, 3, 32, 32),
    ),
    "bert": bert,
    "llama": llama,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_flops_are_those_of_torchs_counter(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model, x = NETWORKS[name]()
    real, shapes = (pl.flow_graph(real=one)(model.eval(), x) for one in (True, False))
    monkeypatch.setattr(torch.backends.mha, "_is_fastpath_enabled", False)  # torch counts no fused kernel of the CPU
    with sdpa_kernel(SDPBackend.MATH), torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(**x) if isinstance(x, dict) else model(x)
    assert real.facts["flops"] == shapes.facts["flops"] == counter.get_total_flops() > 0


def test_a_language_model_is_one_block_many_times() -> None:
    with torch.device("meta"):
        model, x = llama()
    graph = pl.flow_graph()(model.eval(), x)
    assert graph.folds[0] == tuple(f"model.layers.{i}" for i in range(7)) and len(graph.folds) == 1
    folded = fold(graph.nodes, graph.edges, graph.modules)
    assert unfold(folded) == (list(graph.nodes), list(graph.edges))
    assert folded.repeats[-1].times == 7 and not folded.repeats[-1].others
