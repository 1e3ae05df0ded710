"""Whether a converted network computes what its file says, by the reference runtime where that is installed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.core.errors import BadSetting
from pellucid.core.text import Text
from pellucid.zoo.opened import StatedInput

_LARGEST = 10_000_000  # numbers of one input
_APART = 1e-3  # of the largest number of the output
_UNCHECKED = Text(
    "Whether the conversion computes what the file says was not checked: onnxruntime is not installed.",
    "未检查转换结果是否与文件一致：未安装 onnxruntime。",
    aside=True,
)


def compared(model: nn.Module, path: Path, inputs: tuple[StatedInput, ...]) -> Iterator[Text]:
    """Run both on one random input of the stated shape, and tell how far apart they are.

    Raises:
        BadSetting: so far that the pictures would be of another network.
    """
    try:
        import onnxruntime
    except ImportError:
        yield _UNCHECKED
        return
    given = [_example(one) for one in inputs]
    if not given or any(one.numel() > _LARGEST for one in given):
        return
    try:
        expected = _reference(onnxruntime, path, inputs, given)
    except Exception:  # noqa: BLE001 - sizes that the file left open may not go together
        return
    try:
        with torch.no_grad():
            seen = model(*given)
    except Exception as error:
        raise BadSetting(
            Text(
                f"'{path}' was converted to a network that cannot run: {type(error).__name__}: {error}",
                f"'{path}' 转换成的网络无法运行：{type(error).__name__}: {error}",
            ),
            hint=Text("open the code that the model was made of", "请打开生成该模型的代码"),
        ) from error
    first = seen[0] if isinstance(seen, (tuple, list)) else seen
    if first.shape != expected.shape or not expected.numel() or not torch.isfinite(expected).all():
        return
    apart = float((first - expected).abs().max())
    scale = max(float(expected.abs().max()), 1e-6)
    if not apart <= _APART * scale:  # NaN is not
        raise BadSetting(
            Text(
                f"'{path}' was converted to a network that computes something else: its output is off by {apart:.2g} "
                f"where the largest number is {scale:.2g}.",
                f"'{path}' 转换成的网络算出的结果不同：输出相差 {apart:.2g}，而最大的数为 {scale:.2g}。",
            ),
            hint=Text("open the code that the model was made of", "请打开生成该模型的代码"),
        )
    yield Text(
        f"On a random input the converted network is within {apart:.1e} of onnxruntime (largest number {scale:.2g}).",
        f"在随机输入上，转换后的网络与 onnxruntime 相差不超过 {apart:.1e}（最大值 {scale:.2g}）。",
        aside=True,
    )


def _example(stated: StatedInput) -> Tensor:
    x = stated.zeros()
    return torch.randn(x.shape, generator=torch.Generator().manual_seed(0)) if x.is_floating_point() else x


def _reference(runtime: Any, path: Path, inputs: tuple[StatedInput, ...], given: list[Tensor]) -> Tensor:
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    named = {one.name: x.numpy() for one, x in zip(inputs, given, strict=True)}
    return torch.from_numpy(session.run(None, named)[0])
