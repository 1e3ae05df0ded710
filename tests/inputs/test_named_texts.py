from typing import Any

import pytest
import torch

import pellucid as pl
from pellucid.core.errors import BadInput
from pellucid.inputs.read import read
from tests.networks.writers import bart, t5, words

WRITERS = pytest.mark.parametrize("make", [t5, bart])


def taken(model: Any, x: Any, **more: Any) -> dict[str, Any]:
    return read(x, tokenizer=words(ends=True), accepts=model.forward, **more).kwargs


@WRITERS
def test_a_plain_text_begins_the_decoder_with_its_start_token(make: Any) -> None:
    model = make()
    lens = pl.Lens(model, tokenizer=words(ends=True))
    for x in ("the cat sat", {"input_ids": "the cat sat"}, torch.tensor([[3, 4, 5, 1]])):
        made = taken(model, x)
        assert made["input_ids"].tolist() == [[3, 4, 5, 1]]
        assert made["decoder_input_ids"].tolist() == [[model.config.decoder_start_token_id]]
        result = pl.saliency()(lens, x)
        assert result.values.shape == (1, 4, 16) and result.values.any()
        first = model.generate(made["input_ids"], max_new_tokens=1, do_sample=False)[0, 1]
        assert result.targets[0].index == (0, int(first))
        assert any(note.aside and "start token alone" in note.en for note in result.notes)
    assert taken(model, ["the cat", "on"])["decoder_input_ids"].shape == (2, 1)


@WRITERS
def test_a_text_to_write_follows_the_start_token_as_in_training(make: Any) -> None:
    model = make()
    written = words(ends=True)("the mat sat", return_tensors="pt")["input_ids"]
    for name in ("decoder_input_ids", "text_target"):
        made = taken(model, {"input_ids": "the cat", name: "the mat sat"})
        assert torch.equal(made["decoder_input_ids"], model.prepare_decoder_input_ids_from_labels(written))
    assert taken(model, {"text": "the cat", "text_target": "on"})["decoder_input_ids"].shape == (1, 2)


@WRITERS
def test_texts_of_different_length_count_as_alone(make: Any) -> None:
    lens = pl.Lens(make(), tokenizer=words(ends=True))
    sources, targets = ["the cat sat on the mat", "the dog"], ["the mat", "the cat sat"]
    both = pl.saliency()(lens, {"input_ids": sources, "decoder_input_ids": targets})
    for i in (0, 1):
        alone = pl.saliency()(lens, {"input_ids": sources[i], "decoder_input_ids": targets[i]})
        assert both.targets[i].index == alone.targets[0].index and both.targets[i].index[0] == (2, 3)[i]
        assert both.targets[i].score == pytest.approx(alone.targets[0].score, abs=1e-5)
        length = alone.values.shape[1]
        assert abs(both.values[i, :length] - alone.values[0]).max() < 1e-5 and not both.values[i, length:].any()


@WRITERS
def test_the_log_probability_of_what_is_written(make: Any) -> None:
    model = make()
    lens = pl.Lens(model, tokenizer=words(ends=True))
    x = {"input_ids": "the dog", "decoder_input_ids": "the mat sat"}
    result = pl.saliency()(lens, x, target=pl.continuation("mat sat"))
    logs = model(**taken(model, x)).logits.log_softmax(-1)[0]
    assert result.targets[0].score == pytest.approx(float((logs[1, 7] + logs[2, 5]).detach()), abs=1e-5)


def test_what_is_given_stays() -> None:
    model, given = bart(), torch.tensor([[1, 0, 3]])
    made = taken(model, {"input_ids": "the cat", "decoder_input_ids": given})
    assert torch.equal(made["decoder_input_ids"], given)
    assert "decoder_input_ids" not in taken(model.model, "the cat")  # the body alone shifts its input by itself


def test_two_texts_that_are_read_as_one() -> None:
    def forward(input_ids: Any, attention_mask: Any = None) -> None: ...

    x = read({"text": "the cat", "text_pair": "the dog"}, tokenizer=words(), accepts=forward)
    assert x.kwargs["input_ids"].tolist() == words()("the cat", "the dog", return_tensors="pt")["input_ids"].tolist()
    with pytest.raises(BadInput, match="2 texts and 1 to pair"):
        read({"text": ["the", "cat"], "text_pair": ["dog"]}, tokenizer=words(), accepts=forward)


def test_any_numbers_may_be_a_text() -> None:
    def forward(left_ids: Any, right_ids: Any) -> None: ...

    x = read({"left_ids": "the cat", "right_ids": "the dog"}, tokenizer=words(), accepts=forward)
    assert x.kwargs["left_ids"].tolist() == [[3, 4]] and x.kwargs["right_ids"].tolist() == [[3, 8]]


def test_what_cannot_be_read() -> None:
    model = t5()
    with pytest.raises(BadInput, match="is a text, and the lens has no tokenizer") as caught:
        read({"input_ids": "the cat"}, accepts=model.forward)
    assert "tokenizer=" in caught.value.hint
    model.config.decoder_start_token_id = model.generation_config.decoder_start_token_id = None
    with pytest.raises(BadInput, match="which token the decoder begins with"):
        taken(model, {"input_ids": "the cat", "decoder_input_ids": "on"})
    with pytest.raises(BadInput, match="text is empty"):
        taken(t5(), {"input_ids": "the cat", "decoder_input_ids": ""})
