import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from pellucid.core.errors import BadInput
from pellucid.core.text import Text
from pellucid.inputs.data.data import Sample
from pellucid.inputs.data.preparation import NotStated, Preparation
from pellucid.inputs.preprocess import Preprocess
from pellucid.inputs.read import read
from tests.inputs.data.files import pixels

PICTURE = Image.fromarray(pixels(40, 50))


class Words:
    """A tokenizer of one number a letter."""

    pad_token = "_"

    def __init__(self, longest: int = 10, pads: bool = True) -> None:
        self.model_max_length = longest
        self.pad_token = "_" if pads else None

    def __call__(self, texts: list[str], return_tensors: str, padding: bool = False) -> dict[str, Tensor]:
        width = max(map(len, texts))
        rows = [[ord(letter) for letter in text] + [0] * (width - len(text)) for text in texts]
        numbers = torch.tensor(rows, dtype=torch.int64).reshape(len(texts), width)
        return {"attention_mask": (numbers > 0).long(), "input_ids": numbers, "token_type_ids": numbers * 0}


def test_pictures_are_prepared_as_a_lens_prepares_them() -> None:
    preparation = Preparation("imagenet")
    made = preparation.together([preparation.one(Sample(one)) for one in (PICTURE, PICTURE.rotate(90))])
    expected = read([PICTURE, PICTURE.rotate(90)], preprocess="imagenet")
    assert torch.equal(made.args[0], expected.args[0]) and made.kwargs == {}


def test_pictures_come_in_the_type_of_the_model() -> None:
    assert Preparation("imagenet", dtype=torch.float16).one(Sample(PICTURE)).arguments[0].dtype == torch.float16
    endless = Preparation(lambda picture: torch.full((3, 4, 4), float("inf")))
    with pytest.raises(BadInput, match="48 infinite"):
        endless.one(Sample(PICTURE))


def test_a_callable_gets_the_picture_as_it_was_given() -> None:
    gray = PICTURE.convert("L")
    preparation = Preparation(lambda picture: torch.from_numpy(np.array(picture, np.float32))[None])
    assert preparation.one(Sample(PICTURE, given=gray)).arguments[0].shape == (1, 1, 40, 50)


@pytest.mark.parametrize(
    ("x", "shapes"),
    [
        (torch.ones(3, 4), {0: (1, 3, 4)}),
        (np.ones((3, 4), ">f4"), {0: (1, 3, 4)}),
        (2.5, {0: (1,)}),
        ([1.0, 2.0], {0: (1, 2)}),
        ((torch.ones(2), np.ones(3)), {0: (1, 2), 1: (1, 3)}),
        ({"a": torch.ones(2), "k": 3}, {"a": (1, 2), "k": (1,)}),
    ],
)
def test_what_is_no_picture(x: object, shapes: dict) -> None:
    preparation = Preparation(dtype=torch.float32)
    made = preparation.one(Sample(x))
    assert {name: tuple(one.shape) for name, one in made.arguments.items()} == shapes
    assert {one.dtype for one in made.arguments.values()} <= {torch.float32, torch.int64}
    both = preparation.together([made, made])
    assert both.size == 2 and made.nbytes == sum(one.nbytes for one in made.arguments.values())


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (torch.tensor([1.0, float("nan")]), "The sample holds 1 NaN among 2 values"),
        (np.array([np.inf, 1]), "1 infinite"),
        ({"a": torch.ones(1), "b": torch.tensor([float("nan")])}, "The sample's b holds 1 NaN"),
        (np.array([{}]), "objects"),
        (None, "objects"),
        ([[1], [2, 3]], "different length"),
        (torch.ones(0), "is empty"),
        (torch.ones(2).to_sparse(), "not a dense tensor"),
        (np.array(["a"]), "not of numbers"),
    ],
)
def test_samples_that_no_model_takes(x: object, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Preparation().one(Sample(x))


@pytest.mark.parametrize(("x", "said"), [(PICTURE, "preprocessing"), ("words", "tokenizer"), ({"a": "b"}, "tokenizer")])
def test_what_the_model_lacks(x: object, said: str) -> None:
    with pytest.raises(NotStated, match=f"need the model's {said}"):
        Preparation().one(Sample(x))


def test_a_text_among_other_inputs() -> None:
    with pytest.raises(BadInput, match="The sample's a is a text among other inputs"):
        Preparation(tokenizer=Words()).one(Sample({"a": "words", "b": 1.0}))


def test_texts_are_padded_together() -> None:
    preparation = Preparation(tokenizer=Words(), accepts=lambda input_ids, attention_mask: None)
    assert preparation.reads("a") and not preparation.reads(PICTURE) and not Preparation().reads("a")
    samples = [preparation.one(Sample(text)) for text in ("abc", "a")]
    assert samples[0].shape == samples[1].shape
    made = preparation.together(samples)
    assert list(made.kwargs) == ["input_ids", "attention_mask"]
    assert made.kwargs["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]


def test_without_padding_only_texts_of_one_length_go_together() -> None:
    preparation = Preparation(tokenizer=Words(pads=False))
    one, two, three = (preparation.one(Sample(text)) for text in ("abc", "a", "xyz"))
    assert one.shape == three.shape != two.shape
    made = preparation.together([one, three])
    assert (
        made.kwargs["input_ids"].tolist() == [[97, 98, 99], [120, 121, 122]] and next(iter(made.kwargs)) == "input_ids"
    )


@pytest.mark.parametrize(("text", "said"), [("", "text is empty"), ("a" * 11, "11 tokens long; the model takes 10")])
def test_texts_that_the_model_cannot_take(text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Preparation(tokenizer=Words()).one(Sample(text))


def test_names_and_counts_must_fit_the_model() -> None:
    preparation = Preparation(accepts=lambda a: None)
    with pytest.raises(BadInput, match="no parameter 'b'"):
        preparation.together([preparation.one(Sample({"b": torch.ones(1)}))])
    with pytest.raises(BadInput, match="2 inputs were given"):
        preparation.together([preparation.one(Sample((torch.ones(1), torch.ones(1))))])


def test_notes_come_once() -> None:
    preparation, note = Preparation(), Text("a", "b")
    samples = [preparation.one(Sample(1.0, notes=(note,))) for _ in range(3)]
    assert preparation.together(samples).notes == (note,)


def test_a_preprocessing_may_be_an_object() -> None:
    assert Preparation(Preprocess(size=8)).one(Sample(PICTURE)).arguments[0].shape == (1, 3, 8, 8)
