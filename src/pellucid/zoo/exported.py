"""Programs that `torch.export.save` wrote (.pt2): loading one can run code, so they are opened only when trusted."""

import logging
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from pellucid.core.errors import BadSetting
from pellucid.core.text import Text
from pellucid.zoo.opened import OpenedModel, StatedInput

_TRUSTED = Text(
    "An exported program was loaded, which can run code of its author; its operations and weights are seen.",
    "已加载导出程序，这可能执行其作者的代码；可见其运算与权重。",
    aside=True,
)


def open_exported(path: Path, *, trust: bool) -> OpenedModel:
    """The network of an exported program, as the graph of its operations.

    Args:
        path: a `.pt2` file.
        trust: whether its author is trusted as the author of code is: `torch.export.load` unpickles.
    Raises:
        BadSetting: it is not trusted, or cannot be loaded.
    """
    if not trust:
        raise BadSetting(
            Text(
                f"'{path}' is an exported program, and loading one can run code that is hidden in it.",
                f"'{path}' 是导出的程序，载入它可能执行其中隐藏的代码。",
            ),
            hint=Text(
                "if you trust its author as you trust code: trust=True, or --trust-code on the command line",
                "若像信任代码一样信任其作者：trust=True，命令行上为 --trust-code",
            ),
        )
    with _quiet():
        try:
            program = torch.export.load(path)
            model = program.module()
        except Exception as error:  # damaged bytes and old formats make the reader raise almost any class
            raise BadSetting(
                Text(
                    f"'{path}' cannot be loaded as an exported program: {type(error).__name__}: {_first_line(error)}",
                    f"无法将 '{path}' 作为导出的程序载入：{type(error).__name__}: {_first_line(error)}",
                ),
                hint=Text("export it with this version of torch", "请用当前版本的 torch 导出"),
            ) from error
    inputs = tuple(_inputs(program))
    fixed = [one.words for one in inputs if one.shape and one.shape[0] is not None]
    notes = (_TRUSTED, *_training(program), *_fixed(fixed))
    return OpenedModel(model, path.stem, notes=notes, inputs=inputs)


def _training(program: Any) -> Iterator[Text]:
    """Whether dropout or batch statistics of training are written into the program: it cannot be switched."""
    switched = {torch.ops.aten.dropout.default: 2, torch.ops.aten.batch_norm.default: 5}
    named = [
        str(node.target)
        for node in program.graph.nodes
        if node.target in switched and node.args[switched[node.target] :][:1] == (True,)
    ]
    if named:
        yield Text(
            f"The program was exported in training mode ({named[0]}): its output is not that of the trained network.",
            f"程序是在训练模式下导出的（{named[0]}）：输出并非训练好的网络在推理时的输出。",
        )


def _inputs(program: Any) -> Iterator[StatedInput]:
    """Name, shape and type of each input of the user; None where the program takes any size."""
    given = set(program.graph_signature.user_inputs)
    for node in program.graph.nodes:
        value = node.meta.get("val") if node.op == "placeholder" and node.name in given else None
        if isinstance(value, torch.Tensor):
            sizes: list[Any] = list(value.shape)  # a size that is open is a symbol
            yield StatedInput(node.name, tuple(one if type(one) is int else None for one in sizes), value.dtype)


def _fixed(shapes: list[str]) -> Iterator[Text]:
    if shapes:
        told = ", ".join(shapes)
        yield Text(
            f"The program takes inputs of exactly {told}: methods that stack samples in one batch cannot run.",
            f"程序只接受形状恰为 {told} 的输入：需把多个样本叠成一批的方法无法运行。",
            aside=True,
        )


@contextmanager
def _quiet() -> Generator[None]:
    """What torch logs of a file that it cannot read is told in the error."""
    logger = logging.getLogger("torch.export")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), "")[:300]
