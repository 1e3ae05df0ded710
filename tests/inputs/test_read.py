from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from pellucid.core.errors import BadInput, BadSetting
from pellucid.inputs.preprocess import Preprocess
from pellucid.inputs.read import read

RNG = np.random.default_rng(0)


class Letters:
    """One token per letter, called as the tokenizers of transformers are."""

    def convert_ids_to_tokens(self, numbers: list[int]) -> list[str]:
        return [chr(number) for number in numbers]

    def __call__(self, texts: list[str], return_tensors: str, padding: bool = False) -> dict[str, torch.Tensor]:
        longest = max(map(len, texts))
        rows = torch.tensor([[ord(letter) for letter in text.ljust(longest)] for text in texts])
        return {"attention_mask": torch.ones_like(rows), "input_ids": rows, "token_type_ids": rows * 0}


def picture(height: int = 40, width: int = 50) -> Image.Image:
    return Image.fromarray(RNG.integers(0, 256, (height, width, 3), dtype=np.uint8))


def forward(input_ids, attention_mask=None): ...


@pytest.mark.parametrize(
    "x", [torch.rand(2, 5), np.ones((2, 5), np.float32), [[1.0] * 5] * 2, ((1, 2, 3, 4, 5.0),) * 2]
)
def test_tensors_arrays_and_numbers_are_taken_as_they_are(x) -> None:
    if isinstance(x, tuple):
        x = [list(row) for row in x]
    inputs = read(x)
    assert inputs.args[0].shape == (2, 5) and inputs.kwargs == {} and inputs.size == 2
    assert inputs.base["input"].kind == "features" and inputs.notes == ()
    assert torch.equal(inputs.args[0].float(), torch.as_tensor(np.asarray(x)).float())


def test_several_inputs_by_place_and_by_name() -> None:
    a, b = torch.rand(2, 3), torch.tensor([1, 2])
    by_place = read((a, b))
    assert list(by_place.tensors) == ["0", "1"] and list(by_place.base) == ["0"]
    by_name = read({"a": a, "b": np.ones((2, 4)), "deep": True}, accepts=lambda a, b, deep=False: None)
    assert list(by_name.base) == ["a", "b"] and by_name.kwargs["deep"] is True
    assert by_name.kwargs["b"].dtype == torch.float64


def test_inputs_that_do_not_fit_forward() -> None:
    with pytest.raises(BadInput, match="no parameter 'c'") as caught:
        read({"a": torch.rand(2), "c": torch.rand(2)}, accepts=lambda a, b: None)
    assert "asked by" in str(caught.value) and "Tensor torch.float32 (2,)" in caught.value.asked_by
    with pytest.raises(BadInput, match="takes 1: a"):
        read([torch.rand(2), torch.rand(2)], accepts=lambda a: None)


def test_a_picture_in_every_form(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    picture().save(file)
    preprocess = Preprocess.of("cifar10")
    expected = preprocess(Image.open(file))
    for x in (file, str(file), file.read_bytes(), Image.open(file), [file], [str(file)]):
        inputs = read(x, preprocess="cifar10")
        assert torch.equal(inputs.args[0], expected) and inputs.notes == ()
        np.testing.assert_allclose(
            inputs.base["input"].values[0] * 255, np.asarray(preprocess.fitted(Image.open(file))), atol=1e-3
        )
    assert read([file, file, file], preprocess="cifar10").size == 3


def test_a_picture_without_preprocessing_names_three_ways() -> None:
    with pytest.raises(BadInput, match="needs the model's preprocessing") as caught:
        read(picture())
    assert all(way in caught.value.hint for way in ("(1) an object", "(2) a name", "(3) open the model"))


def test_notes_of_the_decoder_and_of_an_unknown_way_back() -> None:
    turned = picture()
    turned.getexif()[0x0112] = 3
    inputs = read(turned, preprocess=lambda one: torch.rand(3, 8, 8))
    assert any("EXIF" in note.en for note in inputs.notes)
    assert inputs.base["input"].stretched


def test_a_callable_gets_the_picture_as_it_was_given() -> None:
    seen = []
    read(Image.new("L", (8, 8)), preprocess=lambda one: (seen.append(one.mode), torch.rand(1, 8, 8))[1])
    assert seen == ["L"]


def test_pictures_of_different_size() -> None:
    with pytest.raises(BadInput, match="40 x 50, 41 x 50"):
        read([picture(), picture(41)], preprocess=Preprocess())


def test_text_goes_through_the_tokenizer() -> None:
    inputs = read("cat", tokenizer=Letters(), accepts=forward)
    assert list(inputs.kwargs) == ["input_ids", "attention_mask"] and inputs.explained == ("input_ids",)
    assert inputs.base["input_ids"].names == (("c", " a", " t"),)
    assert "token_type_ids" in inputs.notes[0].en
    assert read(["cat", "horse"], tokenizer=Letters(), accepts=forward).size == 2
    assert read(torch.tensor([[99]]), tokenizer=Letters()).base["input"].names == (("c",),)


def test_pandas_rows() -> None:
    table = pd.DataFrame({"b": [1, 2], "a": [0.5, 3]})
    inputs = read(table, features=["a", "b"])
    assert inputs.args[0].tolist() == [[0.5, 1], [3, 2]] and inputs.base["input"].names == (("a", "b"),)
    assert read(table.iloc[0]).base["input"].names == (("b", "a"),)


def test_array_files(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones((2, 3), np.float32))
    assert read(tmp_path / "a.npy").args[0].shape == (2, 3)
    (tmp_path / "b.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-4])
    np.save(tmp_path / "c.npy", np.array([{}], dtype=object), allow_pickle=True)
    for name in ("b.npy", "c.npy"):
        with pytest.raises(BadInput, match=r"cannot be read|not an array"):
            read(tmp_path / name)


def test_cast_and_misfit_are_noted() -> None:
    notes = read(np.full((1, 3, 8, 8), 200.0), dtype=torch.float32, preprocess="imagenet").notes
    assert "float64 was cast to float32" in notes[0].en and "0..255" in notes[1].en
    assert read(picture(), preprocess="imagenet").notes == ()


def test_a_picture_tensor_without_batch_axis() -> None:
    with pytest.raises(BadInput, match="no batch axis"):
        read(torch.rand(3, 32, 32), preprocess="cifar10")
    with pytest.raises(BadInput, match="channels last"):
        read(np.zeros((32, 32, 3), np.uint8))


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (None, "NoneType"),
        (object(), "nothing that a model takes"),
        ([], "0 examples"),
        ({}, "empty"),
        (torch.rand(0, 3), "empty"),
        (np.array([{}]), "objects"),
        (np.array([[np.inf]]), "1 infinite among 1 values"),
        (3.0, "no axis"),
        ([[1.0], [1.0, 2.0]], "equally long"),
        ("nothing.png", "no file 'nothing.png'"),
        ("how do you do", "without a tokenizer"),
        ("巴黎是法国的首都", "without a tokenizer"),
        ("https://a.b/c.png", "nothing is fetched"),
        ({"deep": True}, "no tensor"),
        (b"", "0 bytes"),
        ("x" * 5000, "not a path|not a file"),
        ("a\0b.png", "not a path|no file"),
    ],
)
def test_what_is_refused_and_why(x, words) -> None:
    with pytest.raises(BadInput, match=words) as caught:
        read(x)
    assert caught.value.asked_by.startswith("x = ") and len(caught.value.asked_by) < 200


def test_a_wrong_setting_is_its_own_error() -> None:
    with pytest.raises(BadSetting, match="no preprocessing named"):
        read(picture(), preprocess="imagnet")


def test_meta_tensors_pass_for_shapes_alone() -> None:
    assert read(torch.empty(1, 3, 8, 8, device="meta"), device="meta").size == 1


def test_read_twice_is_read_once() -> None:
    inputs = read(torch.rand(1, 2))
    assert read(inputs) is inputs
