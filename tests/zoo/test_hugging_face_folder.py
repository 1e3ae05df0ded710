import json
from pathlib import Path

import pytest

from pellucid.core.errors import BadSetting, BadWeights
from pellucid.zoo.hugging_face_folder import Folder, folder_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "llama"
    place.mkdir()
    (place / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
    (place / "model.safetensors").write_bytes(b"weights")
    return place


def test_a_folder_tells_its_parts(folder: Path) -> None:
    found = folder_of(str(folder))
    assert (found.name, found.architecture, found.labels) == ("llama", "LlamaForCausalLM", None)
    assert not found.has_tokenizer and not found.has_pictures
    (folder / "spiece.model").touch()
    (folder / "preprocessor_config.json").write_text('{"feature_extractor_type": "Whisper"}')
    assert found.has_tokenizer and not found.has_pictures
    (folder / "preprocessor_config.json").write_text('{"image_processor_type": "ViTImageProcessor"}')
    assert found.has_pictures


def test_class_names_where_somebody_gave_them() -> None:
    def labels(**names: str) -> tuple[str, ...] | None:
        return Folder(Path(), {"id2label": {key.removeprefix("_"): name for key, name in names.items()}}).labels

    assert labels(_1="dog", _0="cat") == ("cat", "dog")
    assert labels(_0="LABEL_0", _1="LABEL_1") is None
    assert labels(_0="cat", _2="dog") is None and Folder(Path(), {}).labels is None


def test_a_folder_of_the_cache_bears_the_name_of_the_hub() -> None:
    assert Folder(Path("hub/models--some--llama/snapshots/0a1b"), {}).name == "some/llama"
    assert (
        Folder(Path("a/model"), {"architectures": ["Net"]}).name == "Net"
        and Folder(Path("a/model"), {}).name == "model"
    )


def test_a_name_of_the_hub_is_not_fetched(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(BadSetting, match="no folder 'google/gemma'; nothing is fetched") as caught:
        folder_of("google/gemma")
    assert caught.value.hint == "fetch it once: hf download google/gemma --local-dir gemma, then hf:gemma"
    with pytest.raises(BadSetting) as caught:
        folder_of(f"{tmp_path}/lama")
    assert caught.value.nearest == f"'hf:{folder}'"
    with pytest.raises(BadSetting, match="is a file") as caught:
        folder_of(f"{folder}/config.json")
    assert caught.value.nearest == f"'hf:{folder}'"


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("adapter_config.json", "merge"),
        ("model_index.json", "pipeline"),
        ("a.gguf", "gguf_file="),
        ("b", "save_pretrained"),
    ],
)
def test_folders_without_a_configuration(folder: Path, file: str, said: str) -> None:
    (folder.parent / file).write_text("{}")
    with pytest.raises(BadSetting, match=r"has no config\.json") as caught:
        folder_of(str(folder.parent))
    assert said in caught.value.hint and caught.value.nearest == f"'hf:{folder}'"


@pytest.mark.parametrize(("words", "said"), [("{", "cannot be read as JSON"), ("[]", "holds list")])
def test_damaged_configurations(folder: Path, words: str, said: str) -> None:
    (folder / "config.json").write_text(words)
    with pytest.raises(BadSetting, match=said):
        folder_of(str(folder))


def test_weights_that_are_missing(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(BadWeights, match="pointer of Git LFS"):
        folder_of(str(folder))
    weights.unlink()
    (folder / "tf_model.h5").touch()
    with pytest.raises(BadWeights, match="no weights") as caught:
        folder_of(str(folder))
    assert caught.value.nearest == "'tf_model.h5'"


def test_weights_in_several_files_of_which_one_is_missing(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    with pytest.raises(BadWeights, match="1 of 2 files") as caught:
        folder_of(str(folder))
    assert caught.value.nearest == "'model-00002-of-00002.safetensors'"
