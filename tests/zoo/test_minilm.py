import pytest

from pellucid.zoo import minilm


def test_the_folder_of_the_package() -> None:
    folder = minilm.minilm_folder()
    assert folder is not None and (folder / "config.json").is_file() and (folder / "tokenizer.json").is_file()


@pytest.mark.parametrize("absent", ["transformers", minilm.PACKAGE])
def test_without_either_package_there_is_none(monkeypatch: pytest.MonkeyPatch, absent: str) -> None:
    found = minilm.find_spec
    monkeypatch.setattr(minilm, "find_spec", lambda name: None if name == absent else found(name))
    assert minilm.minilm_folder() is None
