"""Models by name or file: `torchvision:resnet18`, `timm:resnet18`, `hf:DIR`, `nets.py:Net`, `model.onnx`, ..."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pellucid.core.errors import BadSetting, nearest_names, quoted
from pellucid.core.text import Text
from pellucid.inputs.checkpoints.archive import kind_of
from pellucid.inputs.checkpoints.checkpoint import split_key
from pellucid.zoo.opened import OpenedModel
from pellucid.zoo.weights import load_weights

_GRAMMAR = (
    "torchvision:NAME, timm:NAME, hf:DIR, module:Class, file.py:Class, model.onnx, model.pt2, weights.safetensors"
)
_EXAMPLES = {
    "torchvision:": "torchvision:resnet18",
    "timm:": "timm:resnet18",
    "hf:": "hf:DIR, a folder with config.json and weights",
}
_FILES = (".onnx", ".pt2", ".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".index.json", ".torchscript", ".tar")
_LIBRARIES = ("torchvision", "timm")
_OWN = ("DEFAULT", "pretrained")


def open_model(
    spec: str, weights: str | Path | None = None, *, trust: bool = False, unsafe_pickle: bool = False
) -> OpenedModel:
    """Build the model that `spec` names, and fill it with `weights`.

    Nothing is downloaded unless it is named: models of torchvision and timm begin with random weights, the same ones
    each time, unless a file is given or `DEFAULT` weights are asked for. `module:Class` and `file.py:Class` run the
    code that they name.

    Args:
        spec: `torchvision:NAME`, `timm:NAME`, with `:DEFAULT` or another name of the library's own weights;
            `hf:DIR`, a folder as transformers saves models, or `hf:OWNER/NAME` of the hub; `demo`, EfficientNet-Lite0
            with its ImageNet weights; `module:Class` of what Python finds, `path/file.py:Class` of a file; the name
            after the colon is an `nn.Module`, its class, or a function that makes one, with arguments written out as
            in `net.py:Net(num_classes=10)`; a file: `model.onnx`, `model.pt2`, TorchScript, or weights alone, of which
            the tree of names and shapes is opened.
        weights: a safetensors file, an index of several, or one that `torch.save` wrote of a state dict; `FILE#KEY`
            for one of several sets in it; "DEFAULT" or "pretrained" for the library's own.
        trust: whether a file may be loaded that can run code: an exported program, TorchScript.
        unsafe_pickle: whether a file may be unpickled that holds more than tensors, such as a whole model.
    Raises:
        BadSetting: there is no such model, with the nearest names; its code failed; or it would run code unasked.
        BadWeights: see `load_weights`.
    """
    opened = _opened(spec, weights, trust=trust, unsafe_pickle=unsafe_pickle)
    for module in opened.model.modules():  # not .eval(): exported programs refuse it
        module.training = False
    return opened


def _opened(spec: str, weights: str | Path | None, *, trust: bool, unsafe_pickle: bool) -> OpenedModel:
    library, _, name = spec.partition(":")
    whole: Callable[[], OpenedModel] | None = None
    if spec == "demo":
        whole = _demo
    elif library == "hf" and name:
        whole = _hugging_face(name)
    elif is_file(spec):
        whole = _of_file(spec, trust=trust, unsafe_pickle=unsafe_pickle)
    if whole is not None:
        if weights is not None:
            raise BadSetting(
                Text(f"'{spec}' brings its own weights.", f"'{spec}' 自带权重。"),
                asked_by=f"weights='{weights}'",
                hint=_whose_weights(spec),
            )
        return whole()
    if library in _LIBRARIES and name:
        return _of_library(library, name, weights, unsafe_pickle=unsafe_pickle)
    _refuse_what_is_no_code(spec)
    from pellucid.zoo.own import open_own

    return _filled(open_own(spec, trained=weights is not None), weights, unsafe_pickle=unsafe_pickle)


def is_file(spec: str) -> bool:
    """Whether a file is meant, by its ending or because it is there."""
    file, _ = split_key(spec)
    return file.name.endswith(_FILES) or (file.is_file() and file.suffix != ".py")


def _filled(opened: OpenedModel, weights: str | Path | None, *, unsafe_pickle: bool) -> OpenedModel:
    if weights is None:
        return opened
    if not str(weights):
        raise BadSetting(
            Text("The name of the weights file is empty.", "权重文件的名称是空的。"),
            asked_by="weights=''",
            hint=Text("leave it out, or a path", "请省去它，或给出路径"),
        )
    if str(weights) in _OWN and not Path(weights).exists():
        raise BadSetting(
            Text(
                f"'{opened.name}' has no weights of its own that could be fetched.",
                f"'{opened.name}' 没有可下载的自有权重。",
            ),
            asked_by=f"weights='{weights}'",
            hint=Text(
                "the path of a file; 'DEFAULT' is for models of torchvision and timm",
                "文件的路径；'DEFAULT' 用于 torchvision 与 timm 的模型",
            ),
        )
    told = load_weights(opened.model, weights, unsafe_pickle=unsafe_pickle)
    return replace(opened, notes=(*opened.notes, *told))


def _of_library(library: str, name: str, weights: str | Path | None, *, unsafe_pickle: bool) -> OpenedModel:
    from pellucid.zoo.libraries import open_timm, open_torchvision, own_weights

    base, own = own_weights(name, weights)
    opener = open_torchvision if library == "torchvision" else open_timm
    opened = opener(base, trained=weights is not None, own=own)
    return opened if own else _filled(opened, weights, unsafe_pickle=unsafe_pickle)


def _of_file(spec: str, *, trust: bool, unsafe_pickle: bool) -> Callable[[], OpenedModel]:
    from pellucid.zoo.exported import open_exported
    from pellucid.zoo.held import open_held
    from pellucid.zoo.onnx.file import open_onnx
    from pellucid.zoo.pickled import open_pickled
    from pellucid.zoo.script import open_script

    file, key = split_key(spec)

    def opened() -> OpenedModel:
        kind = kind_of(file)
        if kind == "onnx":
            return open_onnx(file)
        if kind == "exported":
            return open_exported(file, trust=trust)
        if kind == "script":
            return open_script(file, trust=trust)
        if unsafe_pickle and kind in ("zip", "pickle") and not key:
            return open_pickled(file)
        return open_held(spec, unsafe_pickle=unsafe_pickle)

    return opened


def _demo() -> OpenedModel:
    from pellucid.zoo.efficientnet import open_efficientnet

    return open_efficientnet()


def _hugging_face(place: str) -> Callable[[], OpenedModel]:
    from pellucid.zoo.hugging_face import open_hugging_face

    return lambda: open_hugging_face(place)


def _whose_weights(spec: str) -> Text:
    if spec.startswith("hf:"):
        return Text("put the file into a folder with its config.json", "请把该文件放入含有其 config.json 的文件夹")
    return Text(
        "to fill a network with a file, name its code: 'net.py:Net'", "要把文件填入网络，请指明其代码：'net.py:Net'"
    )


def _refuse_what_is_no_code(spec: str) -> None:
    path = Path(spec)
    if spec and path.is_dir():
        config = (path / "config.json").is_file()
        inside = [] if config else sorted(str(one) for one in path.iterdir() if is_file(one.name))[:3]
        raise BadSetting(
            Text(f"'{spec}' is a folder.", f"'{spec}' 是文件夹。"),
            nearest=quoted([f"hf:{spec}"] if config else inside),
            hint=_GRAMMAR if not config else "",
        )
    if spec in _EXAMPLES:
        raise BadSetting(
            Text(f"'{spec}' does not say which model.", f"'{spec}' 没有说明是哪个模型。"),
            hint=Text(f"for instance {_EXAMPLES[spec]}", f"例如 {_EXAMPLES[spec]}"),
        )
    if ":" not in spec or spec.startswith(":") or spec.endswith(":"):
        beside = [one.name for one in path.parent.iterdir() if is_file(one.name)] if path.parent.is_dir() else []
        files = [str(path.with_name(one)) for one in nearest_names(path.name, beside)] if path.suffix else []
        code = spec.removesuffix(":")
        named = [f"{code}:Net"] if code.endswith(".py") else files or [f"torchvision:{spec}", f"timm:{spec}"]
        near = quoted(named)
        raise BadSetting(
            Text(f"'{spec}' does not name a model.", f"'{spec}' 不是模型的名称。"), nearest=near, hint=_GRAMMAR
        )
