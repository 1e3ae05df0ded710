"""Models out of a folder as Hugging Face's transformers saves them; nothing is fetched, no code of the folder runs."""

import importlib
import importlib.util
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from pellucid.core.errors import BadRequest, BadSetting, BadWeights, nearest_names, quoted
from pellucid.core.text import Text
from pellucid.inputs.checkpoints.checkpoint import content_of
from pellucid.inputs.preprocess import Preprocess
from pellucid.zoo.hugging_face_folder import Folder, folder_of
from pellucid.zoo.opened import OpenedModel

_OWN_ATTENTION = (None, "eager", "sdpa", "flex_attention")
_SHOWN = 3


def open_hugging_face(place: str) -> OpenedModel:
    """The model of a local folder with its tokenizer, its way from a picture to the input, and its class names.

    The class is the first of the configuration's `architectures`, else what `AutoModel` makes of it. Number type and
    attention implementation stay as the folder states them. Keys and values are not cached: every look is one whole
    forward.

    Args:
        place: path of a folder with `config.json` and weights (safetensors, or a state dict that `torch.save` wrote).
    Raises:
        BadSetting: there is no such folder, it is no model, its model needs code of its own, or a library is missing.
        BadWeights: the weights are missing, damaged or do not fit.
    """
    folder = folder_of(place)
    transformers = _transformers()
    with _quiet(transformers), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = _config(transformers, folder)
        model, notes = _model(transformers, folder, config)
        tokenizer = _tokenizer(transformers, folder)
        preprocess = _preprocess(transformers, folder)
    return OpenedModel(model, folder.name, preprocess, folder.labels, tuple(notes), tokenizer)


def _transformers() -> Any:
    try:
        return importlib.import_module("transformers")
    except ImportError as error:
        raise BadSetting(
            Text(f"transformers is not installed: {error}.", f"没有安装 transformers：{error}。"),
            hint="pip install 'pellucid[text]'",
        ) from error


@contextmanager
def _quiet(transformers: Any) -> Generator[None]:
    """What transformers would print of its loading is told in notes."""
    logging = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _config(transformers: Any, folder: Folder) -> Any:
    kind = folder.config.get("model_type")
    known = [str(one) for one in transformers.CONFIG_MAPPING]
    if kind not in known:
        own = "auto_map" in folder.config
        what = (
            f"'{folder.config_file}' names the model type '{kind}'" if kind else f"'{folder.config_file}' names no type"
        )
        more = "which only its own code knows; that is not run" if own else "which this transformers does not know"
        raise BadSetting(
            f"{what}, {more}." if kind else f"{what} of model.",
            nearest=quoted(nearest_names(str(kind), known)) if kind else "",
            hint="build it as its authors say, then pl.Lens(model, tokenizer=…)"
            if own
            else "pip install -U transformers",
        )
    _refuse_fetched_attention(folder)
    try:
        config = transformers.AutoConfig.from_pretrained(folder.path, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # configurations check themselves with errors of many classes
        raise BadSetting(
            Text(
                f"'{folder.config_file}' is refused by transformers: {_first_line(error)}",
                f"transformers 拒绝 '{folder.config_file}'：{_first_line(error)}",
            )
        ) from error
    parts: list[Any] = [config, *(getattr(config, name, None) for name in getattr(config, "sub_configs", ()))]
    for part in parts:
        if getattr(part, "use_cache", False):
            part.use_cache = False
    return config


def _refuse_fetched_attention(folder: Folder) -> None:
    """An attention implementation that transformers would fetch as code from the network."""
    for name in ("attn_implementation", "_attn_implementation"):
        asked = folder.config.get(name)
        if not isinstance(asked, str) or asked in _OWN_ATTENTION:
            continue
        if "/" in asked or importlib.util.find_spec("flash_attn") is None:
            raise BadSetting(
                Text(
                    f"'{folder.config_file}' asks for the attention implementation '{asked}', which is not "
                    "installed here.",
                    f"'{folder.config_file}' 要求注意力实现 '{asked}'，而它没有安装。",
                ),
                nearest="'eager', 'sdpa'",
                hint=Text(
                    f'change "{name}" in it, or install what it needs and build the model yourself',
                    f'请修改其中的 "{name}"，或安装所需的软件并自行建立模型',
                ),
            )


def _model(transformers: Any, folder: Folder, config: Any) -> tuple[Any, list[Text]]:
    named = getattr(transformers, folder.architecture, None) if folder.architecture else None
    known = isinstance(named, type) and issubclass(named, transformers.PreTrainedModel)
    maker: Any = named if known else transformers.AutoModel
    notes: list[Text] = []
    if folder.architecture and not known:
        notes.append(
            Text(
                f"transformers has no {folder.architecture}: the body of the model is opened, without its head.",
                f"transformers 中没有 {folder.architecture}：只打开了模型主体，不含输出头。",
            )
        )
    try:
        model, told = maker.from_pretrained(
            folder.path,
            config=config,
            local_files_only=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are refused below, by name
        )
    except ImportError as error:
        raise BadSetting(
            Text(
                f"'{folder.path}' needs a library that is not installed: {_first_line(error)}",
                f"'{folder.path}' 需要尚未安装的库：{_first_line(error)}",
            )
        ) from error
    except Exception as error:  # damaged bytes and unfitting shapes make the readers raise almost any class
        _refuse_pickles(folder)
        raise BadWeights(
            Text(
                f"The weights in '{folder.path}' cannot be loaded: {_first_line(error)}",
                f"无法载入 '{folder.path}' 中的权重：{_first_line(error)}",
            ),
            hint=Text(
                "copy the folder again; safetensors hold nothing but numbers",
                "请重新复制该文件夹；safetensors 中只有数值",
            ),
        ) from error
    _refuse_other_shapes(folder, told)
    model.eval()
    return model, [*notes, *_told(told, maker.__name__)]


def _refuse_pickles(folder: Folder) -> None:
    """Say of files that `torch.save` wrote what in them would run, or is damaged.

    Raises:
        BadWeights: one of them holds more than tensors.
    """
    for file in sorted(folder.path.glob("pytorch_model*.bin")):
        content_of(file, device="meta")


def _refuse_other_shapes(folder: Folder, told: dict[str, Any]) -> None:
    other = sorted(told.get("mismatched_keys", ()))
    if other:
        some = ", ".join(
            f"'{name}' {tuple(held)}, where {tuple(built)} is stated" for name, held, built in other[:_SHOWN]
        )
        raise BadWeights(
            f"{len(other)} tensors in '{folder.path}' are not of the shape that its config.json states: {some}"
            + (", …" if len(other) > _SHOWN else ""),
            hint=Text(
                "config.json and weights are of different models: copy both from the same place",
                "config.json 与权重属于不同的模型：请从同一处复制二者",
            ),
        )


def _told(told: dict[str, Any], name: str) -> Iterator[Text]:
    """What of the model the files did not hold, and what of the files the model did not take."""
    missing, extra = ([*map(str, sorted(told[key]))] for key in ("missing_keys", "unexpected_keys"))
    if missing:
        yield Text(
            f"{len(missing)} tensors of {name} are not in the folder and are random (seed 0): {_some(missing)}.",
            f"文件夹中缺少 {name} 的 {len(missing)} 个张量，它们是随机的（种子 0）：{_some(missing)}。",
        )
    if extra:
        yield Text(
            f"{len(extra)} tensors of the folder have no place in {name} and were left out: {_some(extra)}.",
            f"文件夹中有 {len(extra)} 个张量不属于 {name}，已略去：{_some(extra)}。",
            aside=True,
        )


def _some(names: list[str]) -> str:
    return quoted(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")


def _tokenizer(transformers: Any, folder: Folder) -> Any:
    """The folder's tokenizer, None where it has none; a missing padding token becomes the one that ends a text."""
    if not folder.has_tokenizer:
        return None
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            folder.path, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # each kind of tokenizer file has its own errors
        raise BadSetting(
            Text(
                f"The tokenizer in '{folder.path}' cannot be read: {_first_line(error)}",
                f"无法读取 '{folder.path}' 中的分词器：{_first_line(error)}",
            ),
            hint=Text(
                "copy tokenizer.json again; older kinds need pip install sentencepiece",
                "请重新复制 tokenizer.json；较旧的种类需要 pip install sentencepiece",
            ),
        ) from error
    if tokenizer.pad_token is None and tokenizer.eos_token is not None:
        tokenizer.pad_token = tokenizer.eos_token  # a batch needs one; the attention mask leaves it out
    return tokenizer


def _preprocess(transformers: Any, folder: Folder) -> Preprocess | None:
    """The folder's image processor, with the way back to pixels where its configuration tells it."""
    if not folder.has_pictures:
        return None
    try:
        made = transformers.AutoImageProcessor.from_pretrained(
            folder.path, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # as for tokenizers
        raise BadSetting(
            Text(
                f"The image preprocessing in '{folder.path}' cannot be read: {_first_line(error)}",
                f"无法读取 '{folder.path}' 中的图片预处理：{_first_line(error)}",
            ),
            hint=Text(
                "pip install 'pellucid[vision]', or pl.open(…, preprocess='imagenet')",
                "pip install 'pellucid[vision]'，或 pl.open(…, preprocess='imagenet')",
            ),
        ) from error
    return _stated(made)


def _stated(processor: Any) -> Preprocess:
    def numbers(name: str, otherwise: float) -> tuple[float, ...]:
        value = getattr(processor, name, None) if getattr(processor, "do_normalize", False) else None
        value = otherwise if value is None else value
        return (float(value),) if isinstance(value, (int, float)) else tuple(map(float, value))

    mean, std = numbers("image_mean", 0.0), numbers("image_std", 1.0)
    factor = (
        float(getattr(processor, "rescale_factor", None) or 1 / 255) if getattr(processor, "do_rescale", 0) else 1.0
    )
    channels = 1 if len(mean) == 1 and getattr(processor, "num_channels", 3) == 1 else 3
    mode = "L" if channels == 1 else "RGB"

    def by(picture: Any) -> Any:
        return processor(images=picture.convert(mode), return_tensors="pt")["pixel_values"]

    known = not getattr(processor, "offset", False) and not getattr(processor, "rescale_offset", False)
    if len(mean) not in (1, channels):
        return Preprocess(by=by, invertible=False)
    return Preprocess(mean, std, range=(0.0, 255 * factor), channels=channels, by=by, invertible=known)


def _first_line(error: BaseException) -> str:
    if isinstance(error, BadRequest):
        return error.what
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
