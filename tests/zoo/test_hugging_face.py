import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import nn

import pellucid as pl
from pellucid.core.errors import BadSetting, BadWeights
from pellucid.zoo.hugging_face import open_hugging_face
from pellucid.zoo.open import open_model

SMALL = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4}


def words() -> transformers.PreTrainedTokenizerFast:
    pieces = ["<unk>", "</s>", "the", "cat", "sat", "on", "mat"]
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(pieces)}, unk_token="<unk>"))
    made.pre_tokenizer, made.decoder = pre_tokenizers.Whitespace(), decoders.Fuse()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", eos_token="</s>")


def llama(**more: Any) -> nn.Module:
    torch.manual_seed(0)
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(vocab_size=7, num_key_value_heads=2, max_position_embeddings=32, **SMALL, **more)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    llama().save_pretrained(tmp_path / "llama")
    words().save_pretrained(tmp_path / "llama")
    return tmp_path / "llama"


def changed(folder: Path, **settings: Any) -> Path:
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))
    return folder


def test_a_language_model_with_its_tokenizer(folder: Path) -> None:
    opened = open_model(f"hf:{folder}")
    assert type(opened.model).__name__ == "LlamaForCausalLM" and not opened.model.training
    assert opened.name == "llama" and opened.notes == () and opened.labels is None and opened.preprocess is None
    ids = opened.tokenizer("the cat sat", return_tensors="pt")["input_ids"]
    assert ids.tolist() == [[2, 3, 4]] and opened.tokenizer.pad_token == "</s>"
    assert torch.equal(opened.model(ids).logits, llama().eval()(ids).logits)
    assert opened.model(ids).past_key_values is None and opened.model.config._attn_implementation == "sdpa"


def test_a_lens_reads_text_and_says_how_it_was_made(folder: Path) -> None:
    result = pl.saliency()(pl.open(f"hf:{folder}"), "the cat sat on the")
    assert result.base is not None and "".join(result.base.names[0]).split() == ["the", "cat", "sat", "on", "the"]
    assert f"pl.open('hf:{folder}')" in result.code


def test_numbers_and_attention_stay_as_the_folder_states(tmp_path: Path) -> None:
    llama(dtype=torch.bfloat16).to(torch.bfloat16).save_pretrained(tmp_path)
    model = open_hugging_face(str(changed(tmp_path, attn_implementation="eager"))).model
    assert model.dtype == torch.bfloat16 and model.config._attn_implementation == "eager"


def test_class_names_and_preprocessing_of_a_picture_model(tmp_path: Path) -> None:
    names = {0: "cat", 1: "dog"}
    config = transformers.ViTConfig(image_size=32, patch_size=8, id2label=names, **SMALL)
    transformers.ViTForImageClassification(config).save_pretrained(tmp_path)
    processor = transformers.ViTImageProcessor(size={"height": 32, "width": 32})
    processor.save_pretrained(tmp_path)
    lens = pl.open(f"hf:{tmp_path}")
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8))
    result = pl.saliency()(lens, picture, target="dog")
    assert lens.labels == ("cat", "dog") and lens.tokenizer is None
    assert torch.equal(
        lens.read(picture).tensors["input"], processor(images=picture, return_tensors="pt")["pixel_values"]
    )
    assert result.base is not None and result.base.values is not None
    assert np.abs(result.base.values[0] - np.asarray(picture) / 255).max() < 1e-6


def test_a_head_that_the_folder_does_not_hold_is_told(tmp_path: Path) -> None:
    config = transformers.BertConfig(vocab_size=9, max_position_embeddings=8, **SMALL)
    transformers.BertModel(config).save_pretrained(tmp_path)
    changed(tmp_path, architectures=["BertForSequenceClassification"], id2label={"0": "LABEL_0", "1": "LABEL_1"})
    opened, again = open_hugging_face(str(tmp_path)), open_hugging_face(str(tmp_path))
    assert opened.labels is None and "random (seed 0): 'classifier.bias', 'classifier.weight'" in opened.notes[0].en
    assert torch.equal(opened.model.classifier.weight, again.model.classifier.weight)
    body = open_hugging_face(str(changed(tmp_path, architectures=["BertForNothing"])))
    assert type(body.model).__name__ == "BertModel" and "without its head" in body.notes[0].en


def test_state_dicts_that_torch_saved(folder: Path) -> None:
    torch.save(llama().state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    opened = open_hugging_face(str(folder))
    assert torch.equal(opened.model.lm_head.weight, llama().lm_head.weight)


def test_nothing_is_fetched_and_nothing_printed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    open_hugging_face(str(folder))
    assert capfd.readouterr() == ("", "")


def test_code_of_the_folder_never_runs(folder: Path) -> None:
    (folder / "own.py").write_text("raise SystemExit('ran')")
    known = changed(folder, auto_map={"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Net"})
    assert type(open_hugging_face(str(known)).model).__name__ == "LlamaForCausalLM"
    with pytest.raises(BadSetting, match=r"'my_own'.*own code knows; that is not run"):
        open_hugging_face(str(changed(folder, model_type="my_own")))


@pytest.mark.parametrize("name", ["kernels-community/flash-attn", "flash_attention_2"])
def test_attention_that_would_be_fetched_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(BadSetting, match=f"'{name}', which is not installed") as caught:
        open_hugging_face(str(changed(folder, attn_implementation=name)))
    assert "'sdpa'" in caught.value.nearest


def test_configurations_that_transformers_refuses(folder: Path) -> None:
    with pytest.raises(BadSetting, match="model type 'lama', which this transformers") as caught:
        open_hugging_face(str(changed(folder, model_type="lama")))
    assert "'llama'" in caught.value.nearest
    with pytest.raises(BadSetting, match="refused by transformers"):
        open_hugging_face(str(changed(folder, model_type="llama", num_attention_heads="many")))
    (folder / "config.json").write_text("{}")
    with pytest.raises(BadSetting, match="names no type of model"):
        open_hugging_face(str(folder))


def test_damaged_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(BadWeights, match="is cut short"):
        open_hugging_face(str(folder))


def test_what_would_run_code_is_named(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"a": torch.zeros(2), "b": nn.Linear(1, 1)}, folder / "pytorch_model.bin")
    with pytest.raises(BadWeights, match=r"asks to run .*Linear"):
        open_hugging_face(str(folder))


def test_weights_of_other_sizes(folder: Path) -> None:
    with pytest.raises(BadWeights, match=r"'lm_head\.weight' \(7, 16\), where \(11, 16\) is stated"):
        open_hugging_face(str(changed(folder, vocab_size=11)))
    with pytest.raises(BadSetting, match="brings its own weights"):
        open_model(f"hf:{folder}", weights="model.safetensors")


def test_a_tokenizer_that_cannot_be_read(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(BadSetting, match=r"tokenizer in .* cannot be read"):
        open_hugging_face(str(folder))


def test_without_transformers_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(BadSetting, match="transformers is not installed") as caught:
        open_hugging_face(str(folder))
    assert caught.value.hint == "pip install 'pellucid[text]'"


def test_transformers_loads_when_a_folder_is_opened() -> None:
    code = "import sys, pellucid.zoo.opening, pellucid.zoo.hugging_face; print('transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
