"""TorchScript models: code of their author, opened only when trusted; they show what input gradients show."""

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pellucid.core.errors import BadSetting
from pellucid.core.text import Text
from pellucid.zoo.opened import OpenedModel

_TRUSTED = Text(
    "A TorchScript model was loaded, which is code of its author; its layers are compiled and cannot be looked into.",
    "已加载 TorchScript 模型，它是其作者的代码；各层已编译，无法查看内部。",
    aside=True,
)


def open_script(path: Path, *, trust: bool) -> OpenedModel:
    """The network of a file that `torch.jit.save` wrote.

    Args:
        path: the file.
        trust: whether its author is trusted as the author of code is.
    Raises:
        BadSetting: it is not trusted, or cannot be loaded.
    """
    if not trust:
        raise BadSetting(
            Text(
                f"'{path}' is a TorchScript model: it holds code, which would run.",
                f"'{path}' 是 TorchScript 模型：其中有代码，载入就会运行。",
            ),
            hint=Text(
                "if you trust its author as you trust code: trust=True, or --trust-code on the command line; "
                "to look into its layers, open the class that it was made of",
                "若像信任代码一样信任其作者：trust=True，命令行上为 --trust-code；要查看各层，请打开生成它的类",
            ),
        )
    loaded: Any
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            loaded = torch.jit.load(path, map_location="cpu")
        except Exception as error:  # damaged bytes make the reader raise almost any class
            first = next(iter(str(error).strip().splitlines()), "")
            raise BadSetting(
                Text(
                    f"'{path}' cannot be loaded as TorchScript: {first[:300]}",
                    f"无法将 '{path}' 作为 TorchScript 载入：{first[:300]}",
                ),
                hint=Text("save it with this version of torch", "请用当前版本的 torch 保存"),
            ) from error
    if not isinstance(loaded, nn.Module):
        raise BadSetting(
            Text(
                f"'{path}' holds {type(loaded).__name__}, not a network.",
                f"'{path}' 含有 {type(loaded).__name__}，而不是网络。",
            )
        )
    return OpenedModel(loaded, str(getattr(loaded, "original_name", "") or path.stem), notes=(_TRUSTED,))
