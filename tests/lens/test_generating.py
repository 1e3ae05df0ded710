from typing import Any

import numpy as np
import pytest
import torch
import transformers

import pellucid as pl
from pellucid.core.errors import BadInput, BadTarget, NotApplicable
from pellucid.engine.targets.tokens import Continuation
from tests.networks.writers import PIECES, bart, t5, words

PROMPT = "the cat sat on"


def llama() -> Any:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = transformers.LlamaConfig(vocab_size=len(PIECES), max_position_embeddings=32, eos_token_id=None, **sizes)
    made = transformers.LlamaForCausalLM(config).eval()
    torch.nn.init.normal_(made.lm_head.weight)
    made.lm_head.weight.data[1] = 0  # it does not end its text
    return made


def lens(model: Any = None) -> pl.Lens:
    return pl.Lens(model or llama(), tokenizer=words())


def numbers(text: str) -> torch.Tensor:
    return words()(text, return_tensors="pt")["input_ids"]


def test_each_written_token_is_explained_as_in_a_run_of_its_own() -> None:
    model = llama()
    table = lens(model).see(PROMPT, "saliency", target=pl.generated(4))["saliency"]
    ids = model.generate(numbers(PROMPT), max_new_tokens=4, do_sample=False)
    assert table.axes == ("batch", "position", "token") and table.values.shape == (1, 4, 7)
    assert [one.strip() for one in table.rows] == [PIECES[i] for i in ids[0, 4:].tolist()]
    assert [*table.columns] == [PIECES[i] for i in ids[0, :-1].tolist()]
    for row in range(4):
        before, wanted = ids[:, : 4 + row], int(ids[0, 4 + row])
        embedded = model.get_input_embeddings()(before).detach().requires_grad_()
        score = model(inputs_embeds=embedded).logits[0, -1].log_softmax(-1)[wanted]
        (gradient,) = torch.autograd.grad(score, embedded)
        assert table.targets[row].score == pytest.approx(float(score.detach()), abs=1e-5)
        assert np.allclose(table.values[0, row, : 4 + row], gradient[0].norm(dim=-1), rtol=1e-3, atol=1e-6)
        assert not table.values[0, row, 4 + row :].any()


@pytest.mark.parametrize("make", [t5, bart])
def test_a_decoder_writes_and_the_encoder_reads(make: Any) -> None:
    model = make()
    ids = model.generate(numbers(PROMPT), max_new_tokens=3, do_sample=False, eos_token_id=None)
    table = lens(model).see(PROMPT, "saliency", target=pl.generated(3))["saliency"]
    assert [*table.columns] == PROMPT.split()
    assert not any("start token alone" in note.en for note in table.notes)
    assert [one.strip() for one in table.rows] == [PIECES[i] for i in ids[0, 1:].tolist()][: len(table.rows)]
    for row in range(len(table.rows)):
        embedded = model.get_input_embeddings()(numbers(PROMPT)).detach().requires_grad_()
        scale = getattr(model.get_input_embeddings(), "embed_scale", 1.0)
        out = model(inputs_embeds=embedded, decoder_input_ids=ids[:, : 1 + row])
        score = out.logits[0, -1].log_softmax(-1)[ids[0, 1 + row]]
        assert table.targets[row].score == pytest.approx(float(score.detach()), abs=1e-4 * max(1, scale))
        gradient = torch.autograd.grad(score, embedded)[0][0].norm(dim=-1)
        assert np.allclose(table.values[0, row], gradient, rtol=1e-3, atol=1e-6)


def test_a_text_that_ends_early_says_so() -> None:
    model = llama()
    first = lens(model).see(PROMPT, "saliency", target=pl.generated(1))["saliency"]
    assert "ended the text" not in first.notes[0].en
    tokenizer = words()
    tokenizer.eos_token = first.rows[0]
    table = pl.Lens(model, tokenizer=tokenizer).see(PROMPT, "saliency", target=pl.generated(3))["saliency"]
    assert len(table.rows) == 1
    assert table.notes[0].en.endswith("It ended the text there: 1 of the 3 tokens that were asked for.")
    assert "要求 3 个词元，写出 1 个" in table.notes[0].zh


def test_words_of_the_user() -> None:
    eyes, whole = lens(), f"{PROMPT} the mat"
    views = eyes.see(PROMPT, "input_x_gradient", target=pl.generated(" the mat"))
    table = views["input_x_gradient"]
    assert [*table.rows] == ["the", "mat"] and views.cost.forwards == 1
    assert "target=pl.generated(' the mat')" in table.code and any("As" in n.en or "as" in n.en for n in table.notes)
    for row, at in enumerate((4, 5)):
        alone = eyes.see(whole, "input_x_gradient", target=Continuation("", (at, at + 1)))[0]
        assert np.array_equal(table.values[0, row], alone.heat[0, :5])
    both = eyes.see(whole, "input_x_gradient", target=pl.continuation("the mat"))[0]
    assert np.allclose(table.values[0].sum(0), both.heat[0, :5], atol=1e-6)


def test_every_attribution_to_tokens_becomes_a_table() -> None:
    views = lens().see(PROMPT, "integrated_gradients", "occlusion", "attention_weights", target=pl.generated(2))
    assert [one.kind for one in views.results] == ["matrix"] * 3
    shares, weights = views["occlusion"], views["attention_weights"]
    assert shares.values.shape == (1, 2, 5) and shares.signed and weights.values.shape[-1] == 6
    one_line = pl.saliency()(lens(), PROMPT, target=pl.generated(2))
    assert one_line.values.shape == (1, 2, 5)


def test_writing_ends_with_the_text() -> None:
    model = llama()
    model.lm_head.weight.data[1] = 100 * model.model(numbers(PROMPT)).last_hidden_state[0, -1].detach()
    table = pl.saliency()(lens(model), PROMPT, target=pl.generated(5))
    assert [*table.rows] == ["</s>"]


def test_masks_grow_and_what_was_given_stays() -> None:
    ids = numbers(PROMPT)
    x = {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "position_ids": torch.arange(4)[None] + 3,
    }  # rotary: only distances count
    grown = pl.saliency()(lens(), x, target=pl.generated(2))
    plain = pl.saliency()(lens(), PROMPT, target=pl.generated(2))
    assert [*grown.rows] == [*plain.rows] and np.allclose(
        grown.values, plain.values, atol=1e-5
    )  # rotary: only distances
    assert x["input_ids"].shape == (1, 4)


def test_a_long_text_is_drawn_as_a_text_in_each_row() -> None:
    long = " ".join(["cat"] * 41)
    assert not pl.saliency()(lens(), PROMPT, target=pl.generated(1)).words
    assert len(pl.saliency()(lens(), long, target=pl.generated(1)).words[0]) == 41


def test_what_cannot_be_written() -> None:
    with pytest.raises(BadInput, match="one text at a time"):
        lens().see([PROMPT, PROMPT], "saliency", target=pl.generated(2))
    with pytest.raises(NotApplicable, match="a text that a language model"):
        pl.Lens(llama()).see(numbers(PROMPT), "saliency", target=pl.generated(2))
    with pytest.raises(NotApplicable, match="no score for each of the tokens"):
        lens(llama().model).see(PROMPT, "saliency", target=pl.generated(2))
    masked = pl.Lens(llama(), tokenizer=words(mask_token="mat"))
    with pytest.raises(NotApplicable, match="fills in masked tokens"):
        masked.see(PROMPT, "saliency", target=pl.generated(2))
    with pytest.raises(BadTarget, match="a table of its own"):
        lens().see(PROMPT, "saliency", target=pl.targets(" mat", pl.generated(2)))
    for nothing in (0, -1, "", " ", True):
        with pytest.raises(BadTarget, match="nothing to write"):
            pl.generated(nothing)
