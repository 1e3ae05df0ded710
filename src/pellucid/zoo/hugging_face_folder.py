"""What lies in a folder as transformers saves models, and what is wrong with it, told without transformers."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid.core.errors import BadSetting, BadWeights, nearest_names, quoted
from pellucid.core.text import Text
from pellucid.inputs.checkpoints.archive import kind_of, refuse_unsafe_zip, safetensors_header
from pellucid.inputs.checkpoints.sharded import shards_of
from pellucid.zoo.hub import folder_at

CONFIG = "config.json"
_WEIGHTS = ("model*.safetensors", "pytorch_model*.bin")
_TOKENIZERS = (
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "vocab.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)
_PICTURES = ("preprocessor_config.json", "processor_config.json")
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_NAMELESS = ("model", "output", "checkpoint", "final", "best")


@dataclass(frozen=True, eq=False)
class Folder:
    """A folder that holds a model.

    Args:
        path: where it is.
        config: what its `config.json` says.
    """

    path: Path
    config: dict[str, Any]

    @property
    def config_file(self) -> Path:
        """Path of the configuration."""
        return self.path / CONFIG

    @property
    def name(self) -> str:
        """How to call the model in a report: the folder, or the hub's name for a folder of its cache."""
        cached = next((one for one in self.path.parts if one.startswith("models--")), "")
        name = cached.removeprefix("models--").replace("--", "/") or self.path.resolve().name
        return self.architecture or name if name.lower() in _NAMELESS else name

    @property
    def architecture(self) -> str:
        """Name of the model's class; empty where it is not told."""
        stated = self.config.get("architectures")
        return str(stated[0]) if isinstance(stated, list) and stated else ""

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The class names; None where there are only `LABEL_0`, `LABEL_1`, ..."""
        stated = self.config.get("id2label")
        if not isinstance(stated, dict) or set(stated) != {str(i) for i in range(len(stated))}:
            return None
        names = tuple(str(stated[str(i)]) for i in range(len(stated)))
        return None if all(name == f"LABEL_{i}" for i, name in enumerate(names)) else names

    @property
    def has_tokenizer(self) -> bool:
        """Whether there are files of a tokenizer."""
        return any((self.path / name).is_file() for name in _TOKENIZERS)

    @property
    def has_pictures(self) -> bool:
        """Whether a way from a picture to the input is stated."""
        return any("image" in json.dumps(_read(self.path / name)) for name in _PICTURES if (self.path / name).is_file())


def folder_of(place: str) -> Folder:
    """The folder at `place`, if it holds a model with its weights; `OWNER/NAME` of the hub is fetched.

    Raises:
        BadSetting: there is no such folder, or its configuration is missing or damaged.
        BadWeights: its weights are missing, stand-ins for files that were not fetched, or could fill the memory; or
            the hub cannot be reached.
    """
    path = Path(place).expanduser()
    if not path.is_dir() and _on_the_hub(place, path):
        path = folder_at(place)
    if not path.is_dir():
        raise _no_folder(place, path)
    if not (path / CONFIG).is_file():
        raise _no_config(path)
    config = _read(path / CONFIG)
    _refuse_without_weights(path)
    return Folder(path, config)


def _on_the_hub(place: str, path: Path) -> bool:
    """Whether `OWNER/NAME` of the hub is meant: it is written so, and no folder here is called as its owner."""
    return "/" in place and _HUB_NAME.fullmatch(place) is not None and not path.exists() and not path.parent.is_dir()


def _no_folder(place: str, path: Path) -> BadSetting:
    if path.is_file():
        return BadSetting(
            Text(f"'{place}' is a file.", f"'{place}' 是文件。"),
            nearest=f"'hf:{path.parent}'",
            hint=Text("hf: takes the folder it lies in", "hf: 之后是它所在的文件夹"),
        )
    beside = [one.name for one in path.parent.iterdir() if one.is_dir()] if path.parent.is_dir() else []
    near = [
        str(path.parent / name) for name in nearest_names(path.name, beside) if (path.parent / name / CONFIG).is_file()
    ]
    fetch = f"hf download {place} --local-dir {path.name}" if _HUB_NAME.fullmatch(place) else ""
    return BadSetting(
        Text(f"There is no folder '{place}'; nothing is fetched.", f"没有文件夹 '{place}'；不会下载任何内容。"),
        nearest=quoted(f"hf:{one}" for one in near),
        hint=Text(f"fetch it once: {fetch}, then hf:{path.name}", f"请先下载：{fetch}，再用 hf:{path.name}")
        if fetch
        else Text("hf: takes a folder with config.json and weights", "hf: 之后是含有 config.json 与权重的文件夹"),
    )


def _no_config(path: Path) -> BadSetting:
    inside = sorted(path.glob(f"*/{CONFIG}")) or sorted(path.glob(f"snapshots/*/{CONFIG}"))
    near = quoted(f"hf:{one.parent}" for one in inside[:3])
    if (path / "adapter_config.json").is_file():
        hint = Text(
            "it holds an adapter: merge it into its model (peft: merge_and_unload), save that, and open its folder",
            "其中是适配器：请把它并入模型（peft: merge_and_unload），保存后打开那个文件夹",
        )
    elif (path / "model_index.json").is_file():
        hint = Text(
            "it holds a pipeline of several models: open one of their folders",
            "其中是由多个模型组成的流水线：请打开其中一个的文件夹",
        )
    elif list(path.glob("*.gguf")):
        hint = Text(
            "it holds GGUF: AutoModelForCausalLM.from_pretrained(DIR, gguf_file=…), save_pretrained, open that folder",
            "其中是 GGUF：AutoModelForCausalLM.from_pretrained(DIR, gguf_file=…)，save_pretrained，再打开那个文件夹",
        )
    else:
        hint = Text(
            "model.save_pretrained(DIR) writes one, tokenizer.save_pretrained(DIR) the tokenizer",
            "model.save_pretrained(DIR) 会写出它，tokenizer.save_pretrained(DIR) 写出分词器",
        )
    return BadSetting(Text(f"'{path}' has no {CONFIG}.", f"'{path}' 中没有 {CONFIG}。"), nearest=near, hint=hint)


def _read(path: Path) -> dict[str, Any]:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise BadSetting(
            Text(f"'{path}' cannot be read as JSON: {error}.", f"'{path}' 无法作为 JSON 读取：{error}。"),
            hint=Text("copy the file again", "请重新复制该文件"),
        ) from error
    if not isinstance(held, dict):
        raise BadSetting(
            Text(
                f"'{path}' holds {type(held).__name__}, not named settings.",
                f"'{path}' 含有 {type(held).__name__}，而不是带名称的设置。",
            ),
            hint=Text("copy the file again", "请重新复制该文件"),
        )
    return held


def _refuse_without_weights(path: Path) -> None:
    found = [file for pattern in _WEIGHTS for file in sorted(path.glob(pattern))]
    indexes = [*path.glob("*.safetensors.index.json"), *path.glob("*.bin.index.json")]
    if not found:
        others = quoted(
            one.name for one in sorted(path.iterdir()) if one.suffix in (".gguf", ".h5", ".msgpack", ".onnx")
        )
        raise BadWeights(
            Text(f"'{path}' has a {CONFIG} and no weights.", f"'{path}' 有 {CONFIG} 而没有权重。"),
            nearest=others,
            hint=Text(
                "model.safetensors or pytorch_model.bin; model.save_pretrained(DIR) writes them",
                "model.safetensors 或 pytorch_model.bin；model.save_pretrained(DIR) 会写出它们",
            ),
        )
    for index in indexes:
        found += [shard for shard in shards_of(index) if shard not in found]
    for file in found:
        if kind_of(file) == "zip":
            refuse_unsafe_zip(file)
        elif kind_of(file) == "safetensors":
            safetensors_header(file)
