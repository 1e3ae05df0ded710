"""Models out of the user's own code, which runs with the user's rights."""

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from pellucid.core.errors import BadSetting, nearest_names, quoted
from pellucid.core.text import Text
from pellucid.zoo.arguments import arguments_of
from pellucid.zoo.opened import OpenedModel

_UNTRAINED = Text(
    "No weights file was given: the weights are what the model's code makes; where it draws them, they are random "
    "(seed 0).",
    "未提供权重文件：权重由模型代码自行产生；若为随机初始化，种子为 0。",
)


def open_own(spec: str, *, trained: bool) -> OpenedModel:
    """The model that `module:NAME` or `file.py:NAME` makes; `NAME(num_classes=10)` with those arguments.

    Random weights are the same ones each time. A file is run by its path. The current folder is not searched for
    modules unless Python already does.

    Args:
        trained: whether weights will follow.
    Raises:
        BadSetting: no such module, file or name; it is no model; or its code failed.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return _opened(spec, trained)


def _opened(spec: str, trained: bool) -> OpenedModel:
    bare, arguments = arguments_of(spec)
    found, place = named(bare, "an nn.Module")
    if isinstance(found, nn.Module) and arguments:
        raise BadSetting(
            Text(
                f"'{bare}' is a model that was made already, and takes no arguments.",
                f"'{bare}' 是已经建好的模型，不接受参数。",
            ),
            hint=f"'{bare}'",
        )
    model = found if isinstance(found, nn.Module) else _built(found, spec, arguments)
    note = Text(f"The model's code: {place}.", f"模型代码：{place}。", aside=True)
    return OpenedModel(model, bare.rpartition(":")[2], notes=(note,) if trained else (note, _UNTRAINED))


def named(spec: str, wanted: str) -> tuple[Any, str]:
    """What `module:NAME` or `file.py:NAME` names, and the place of its code, which runs.

    Args:
        wanted: what it should be, for the error.
    Raises:
        BadSetting: no such module, file or name; or its code failed.
    """
    source, _, name = spec.rpartition(":")
    module = _from_file(Path(source)) if source.endswith(".py") else _from_module(source)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise BadSetting(
                Text(f"'{source}' has no '{name}'.", f"'{source}' 中没有 '{name}'。"),
                nearest=quoted(nearest_names(part, _candidates(module))),
                hint=Text(
                    f"the name of {wanted}, or of a function that makes one",
                    "nn.Module（数据集则为 Dataset）的名称，或生成它的函数的名称",
                ),
            )
        found = getattr(found, part)
    return found, getattr(module, "__file__", None) or source


def _built(factory: Any, spec: str, arguments: dict[str, Any]) -> nn.Module:
    if not callable(factory):
        raise BadSetting(
            Text(
                f"'{spec}' is {type(factory).__name__}, not a model and nothing that makes one.",
                f"'{spec}' 是 {type(factory).__name__}，既不是模型，也不能生成模型。",
            )
        )
    made = called(factory, spec, arguments)
    if not isinstance(made, nn.Module):
        raise BadSetting(
            Text(
                f"'{spec}' makes {type(made).__name__}, not an nn.Module.",
                f"'{spec}' 生成的是 {type(made).__name__}，而不是 nn.Module。",
            )
        )
    return made


def called(factory: Callable[..., Any], spec: str, arguments: dict[str, Any] | None = None) -> Any:
    """What code of the user makes, with arguments by name.

    Raises:
        BadSetting: it needs other arguments, or it failed.
    """
    given = arguments or {}
    lacking, strange, known = _unfit(factory, given)
    if lacking:
        raise BadSetting(
            Text(f"'{spec}' needs {quoted(lacking)}.", f"'{spec}' 需要 {quoted(lacking)}。"),
            hint=Text(
                f"'{spec.partition('(')[0]}({lacking[0]}=…)', or a function without arguments that builds it",
                f"'{spec.partition('(')[0]}({lacking[0]}=…)'，或不带参数、能建好它的函数",
            ),
        )
    if strange:
        raise BadSetting(
            Text(
                f"'{spec.partition('(')[0]}' takes no argument '{strange[0]}'.",
                f"'{spec.partition('(')[0]}' 没有参数 '{strange[0]}'。",
            ),
            nearest=quoted(nearest_names(strange[0], known) or known[:5]),
        )
    return _run(lambda: factory(**given), Text(f"Building '{spec}'", f"建立 '{spec}' "))


def _unfit(factory: Callable[..., Any], given: Mapping[str, Any]) -> tuple[list[str], list[str], list[str]]:
    """Names that it needs and was not given; those that it was given and does not take; those that it takes."""
    try:
        parameters = list(inspect.signature(factory).parameters.values())
    except (TypeError, ValueError):
        return [], [], []
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    known = [p.name for p in named]
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters)
    lacking = [p.name for p in named if p.default is p.empty and p.name not in given]
    return lacking, [] if takes_all else [name for name in given if name not in known], known


def _from_file(path: Path) -> ModuleType:
    path = path.resolve()
    if not path.is_file():
        beside = sorted(one.name for one in path.parent.glob("*.py"))
        raise BadSetting(
            Text(f"There is no file '{path}'.", f"没有文件 '{path}'。"),
            nearest=quoted(nearest_names(path.name, beside)),
        )
    name = f"{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    found = importlib.util.spec_from_file_location(name, path)
    if found is None or found.loader is None:
        raise BadSetting(Text(f"'{path}' is not Python code.", f"'{path}' 不是 Python 代码。"))
    module, execute = importlib.util.module_from_spec(found), found.loader.exec_module
    sys.modules[name] = module
    try:
        _run(lambda: execute(module), Text(f"Running '{path}'", f"运行 '{path}' "), folder=path.parent)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _from_module(name: str) -> ModuleType:
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    if found is None:
        file = Path(*name.split(".")).with_suffix(".py")
        near = f"'{file}:…'" if file.is_file() else ""
        raise BadSetting(
            Text(f"Python finds no module '{name}'.", f"Python 找不到模块 '{name}'。"),
            nearest=near,
            hint=Text(
                "name the file (path/file.py:Class), install the package, or set PYTHONPATH",
                "请指定文件（path/file.py:Class）、安装该软件包，或设置 PYTHONPATH",
            ),
        )
    return _run(lambda: importlib.import_module(name), Text(f"Importing '{name}'", f"导入 '{name}' "))


def _run(code: Callable[[], Any], what: Text, folder: Path | None = None) -> Any:
    try:
        return code()
    except ModuleNotFoundError as error:
        beside = folder is not None and error.name is not None and (folder / f"{error.name.split('.')[0]}.py").is_file()
        hint = Text("install what it imports", "请安装它所导入的软件包")
        if beside:
            hint = Text(
                f"its folder is not searched by itself: set PYTHONPATH={folder}",
                f"Python 不会自行搜索它所在的文件夹：请设置 PYTHONPATH={folder}",
            )
        raise BadSetting(Text(f"{what} failed: {error}.", f"{what.zh}失败：{error}。"), hint=hint) from error
    except (Exception, SystemExit) as error:
        said = f"{type(error).__name__}: {error}"
        raise BadSetting(Text(f"{what} failed: {said}", f"{what.zh}失败：{said}")) from error


def _candidates(module: ModuleType) -> list[str]:
    named = vars(module)
    models = [
        name
        for name, one in named.items()
        if isinstance(one, nn.Module) or (inspect.isclass(one) and issubclass(one, nn.Module))
    ]
    return models + [
        name for name, one in named.items() if callable(one) and not name.startswith("_") and name not in models
    ]
