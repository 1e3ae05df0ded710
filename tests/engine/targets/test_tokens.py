"""Tokens as targets: by their words, at any position, several in a row, in padded batches."""

from typing import Any

import pytest
import torch
from torch import nn
from transformers import BertConfig, BertForMaskedLM, BertModel, LlamaConfig, LlamaForCausalLM

import pellucid as pl
from pellucid.core.errors import BadTarget, NotApplicable
from tests.engine.targets.test_vocabulary import byte_level

SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 32,
}


def llama(size: int = 20) -> nn.Module:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(vocab_size=size, num_key_value_heads=2, **SMALL)).eval()


@pytest.fixture
def tokenizer() -> Any:
    made = byte_level()
    made.mask_token = None
    return made


@pytest.fixture
def lens(tokenizer: Any) -> pl.Lens:
    return pl.Lens(llama(), tokenizer=tokenizer)


def scores(lens: pl.Lens, text: str) -> torch.Tensor:
    with torch.no_grad():
        return lens.model(input_ids=lens.tokenizer(text, return_tensors="pt")["input_ids"]).logits[0].double()


def told(lens: pl.Lens, x: Any, target: Any) -> Any:
    return pl.saliency()(lens, x, target=target).targets


def test_a_token_by_its_words_at_the_last_position(lens: pl.Lens) -> None:
    row = scores(lens, "Lyon is")[-1]
    (info,) = told(lens, "Lyon is", " Paris")
    assert info.index == (4, 4) and info.score == pytest.approx(row[4].item(), abs=1e-6)
    assert info.label == "' Paris' at position 4" and info.zh == "位置 4 处的‘ Paris’"
    assert info.probability == pytest.approx(row.softmax(0)[4].item(), abs=1e-6)
    (predicted,) = told(lens, "Lyon is", None)
    assert predicted.index == (4, int(row.argmax())) and predicted.chosen == "predicted"


def test_a_token_at_any_position(lens: pl.Lens) -> None:
    every = scores(lens, "Lyon is")
    seen = lens.see("Lyon is", pl.saliency(), target=pl.targets(*(pl.token(position=i) for i in range(5))))[0]
    assert [one.targets[0].index for one in seen] == [(i, int(every[i].argmax())) for i in range(5)]
    assert told(lens, "Lyon is", pl.token(" is", -2))[0].index == (3, 11)
    assert told(lens, "Lyon is", pl.token(7, 0))[0].index == (0, 7)
    with pytest.raises(BadTarget, match="no position 9: the text has 5"):
        told(lens, "Lyon is", pl.token(position=9))


def test_a_contrast_of_two_continuations(lens: pl.Lens) -> None:
    row = scores(lens, "Lyon is")[-1]
    (info,) = told(lens, "Lyon is", pl.contrast(" Paris", "Paris"))
    assert info.score == pytest.approx((row[4] - row[3]).item(), abs=1e-6)
    assert info.label == "' Paris' at position 4 rather than 'Paris' at position 4"


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_no_attribution(lens: pl.Lens, side: str) -> None:
    lens.tokenizer.padding_side = side
    texts, alone = ["Lyon is Paris", "Paris is"], []
    both = pl.input_x_gradient()(lens, texts, target=" Paris")
    for text in texts:
        alone.append(pl.input_x_gradient()(lens, text, target=" Paris"))
    keep = both.values[1, -2:] if side == "left" else both.values[1, :2]
    assert abs(both.values[0] - alone[0].values[0]).max() < 1e-6 and abs(keep - alone[1].values[0]).max() < 1e-6
    assert both.targets[1].score == pytest.approx(alone[1].targets[0].score, abs=1e-5)
    assert both.targets[1].index == ((5, 4) if side == "left" else (1, 4))
    blocks = lens.see(texts, pl.input_x_gradient(), target=" Paris", batch_size=1)[0]
    assert [one.index for one in blocks.targets] == [one.index for one in both.targets]


def test_a_continuation_is_the_sum_of_its_log_probabilities(lens: pl.Lens) -> None:
    text = "Paris is Lyon"
    ids, logs = lens.tokenizer(text)["input_ids"], scores(lens, text).log_softmax(-1)
    expected = sum(logs[i - 1, ids[i]].item() for i in range(3, 7))
    (info,) = told(lens, text, pl.continuation("Lyon"))
    assert info.score == pytest.approx(expected, abs=1e-5) and info.unit == "log-probability"
    assert info.label == "log-probability of 'Lyon' at 3–6, given what is before it"
    assert told(lens, text, pl.continuation(" Lyon"))[0].label.startswith("log-probability of ' Lyon' at 2–6")
    (one,) = told(lens, text, pl.continuation(" is"))
    assert one.score == pytest.approx(logs[0, 11].item(), abs=1e-6)


@pytest.mark.parametrize("side", ["left", "right"])
def test_continuations_in_a_padded_batch(lens: pl.Lens, side: str) -> None:
    lens.tokenizer.padding_side = side
    texts = ["Lyon is Paris", "Paris Paris"]
    together = told(lens, texts, pl.continuation(" Paris"))
    apart = [told(lens, text, pl.continuation(" Paris"))[0] for text in texts]
    assert [one.score for one in together] == pytest.approx([one.score for one in apart], abs=1e-5)


def test_gradients_of_a_continuation_are_those_of_autograd(lens: pl.Lens) -> None:
    ids = lens.tokenizer("Paris is Lyon", return_tensors="pt")["input_ids"]
    embedded = lens.model.get_input_embeddings()(ids).detach().requires_grad_()
    logs = lens.model(inputs_embeds=embedded).logits.log_softmax(-1)
    sum(logs[0, i - 1, ids[0, i]] for i in range(3, 7)).backward()
    seen = pl.saliency()(lens, "Paris is Lyon", target=pl.continuation("Lyon"))
    assert embedded.grad is not None
    assert abs(seen.values - embedded.grad.numpy()).max() < 1e-6


def test_what_is_no_continuation(lens: pl.Lens) -> None:
    with pytest.raises(BadTarget, match="does not stand in the text"):
        told(lens, "Paris is", pl.continuation("Lyon"))
    with pytest.raises(BadTarget, match="nothing stands before"):
        told(lens, "Paris is", pl.continuation("Paris"))
    with pytest.raises(BadTarget, match="empty"):
        pl.continuation(" ")
    with pytest.raises(NotApplicable, match="scores over tokens"):
        told(pl.Lens(llama()), lens.tokenizer("Paris is", return_tensors="pt")["input_ids"], pl.continuation("is"))


def test_a_masked_model_is_asked_at_its_mask() -> None:
    torch.manual_seed(0)
    model, tokenizer = BertForMaskedLM(BertConfig(vocab_size=20, **SMALL)).eval(), byte_level()
    lens = pl.Lens(model, tokenizer=tokenizer)
    assert told(lens, "Paris<mask> is", " Paris")[0].index == (1, 4)
    with pytest.raises(NotApplicable, match="masked tokens"):
        told(lens, "Paris is", pl.continuation(" is"))


def test_features_of_an_embedding_are_no_tokens() -> None:
    torch.manual_seed(0)
    lens = pl.Lens(BertModel(BertConfig(vocab_size=20, **SMALL)).eval(), tokenizer=byte_level())
    (info,) = told(lens, "Paris is", 3)
    assert (info.label, info.zh) == ("feature 3 at position 1", "位置 1 处的 特征 3")
    with pytest.raises(BadTarget, match="no class is called"):
        told(lens, "Paris is", " Paris")


def test_rivals_are_named() -> None:
    lens = pl.Lens(llama(), tokenizer=byte_level())
    (info,) = told(lens, "Paris is", pl.rival())
    assert info.chosen == "rival" and info.label.startswith("'") and info.label.endswith("at position 1")


def test_how_they_are_written() -> None:
    assert repr(pl.token(" Paris", 3)) == "pl.token(' Paris', position=3)" and repr(pl.token()) == "pl.token()"
    assert repr(pl.continuation(" a b")) == "pl.continuation(' a b')"
    with pytest.raises(BadTarget, match="names a position"):
        pl.saliency()(nn.Linear(3, 2), torch.zeros(1, 3), target=pl.token(1, 2))
