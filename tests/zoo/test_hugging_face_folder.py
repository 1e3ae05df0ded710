import json
import zipfile
from pathlib import Path

import pytest

from pellucid.core.errors import BadSetting, BadWeights
from pellucid.zoo.hugging_face_folder import Folder, folder_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "llama"
    place.mkdir()
    (place / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
    (place / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
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


def test_a_name_of_the_hub_is_fetched_where_no_folder_is_called_so(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadWeights, match="'google/gemma' of the Hugging Face hub cannot be fetched") as caught:
        folder_of("google/gemma")
    assert "hf download google/gemma --local-dir gemma; then hf:gemma" in caught.value.hint
    with pytest.raises(BadSetting, match="no folder 'gemma'; nothing is fetched"):
        folder_of("gemma")
    monkeypatch.setattr("pellucid.zoo.hugging_face_folder.folder_at", {"google/gemma": folder}.__getitem__)
    assert folder_of("google/gemma").path == folder
    (tmp_path / "google").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadSetting, match="no folder 'google/gemma'"):
        folder_of("google/gemma")


def test_folders_that_lead_elsewhere_or_could_fill_the_memory(tmp_path: Path, folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../secret.bin"}}')
    (tmp_path / "secret.bin").write_bytes(b"\x80\x02.")
    with pytest.raises(BadWeights, match="not a file beside it"):
        folder_of(str(folder))
    (folder / "model.safetensors.index.json").unlink()
    (folder / "model.safetensors").write_bytes((2**40).to_bytes(8, "little") + b"{")
    with pytest.raises(BadWeights, match="header claims"):
        folder_of(str(folder))
    (folder / "model.safetensors").unlink()
    with zipfile.ZipFile(folder / "pytorch_model.bin", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", b"0" * 10_000)
    with pytest.raises(BadWeights, match="compressed"):
        folder_of(str(folder))


def test_near_names_of_folders(tmp_path: Path, folder: Path) -> None:
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
