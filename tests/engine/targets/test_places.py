"""Answers that are places in a text are called by its tokens."""

import pytest
import torch
from transformers import BertConfig, BertForQuestionAnswering

import pellucid as pl
from pellucid.engine.targets.places import placed
from pellucid.engine.targets.target import Contrast, Target
from pellucid.engine.targets.vocabulary import Texts, Vocabulary
from tests.networks.writers import PIECES, words


def reader(output: str | None = None) -> pl.Lens:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(PIECES), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    return pl.Lens(BertForQuestionAnswering(config).eval(), tokenizer=words(), output=output)


@pytest.mark.parametrize(
    ("output", "en", "zh", "other"),
    [
        (None, "start of the answer at token", "答案起始于词元", "end_logits"),
        ("end_logits", "end of the answer at token", "答案结束于词元", "start_logits"),
    ],
)
def test_the_beginning_and_the_end_of_an_answer(output: str | None, en: str, zh: str, other: str) -> None:
    text = "the cat sat on the mat"
    for target in (None, 2, pl.contrast(2, pl.rival(2))):
        (shown,) = reader(output).see(text, "saliency", target=target).results
        info, note = shown.targets[0], next(one for one in shown.notes if "output=" in one.en)
        assert note.aside and f"output='{other}'" in note.en and f"output='{other}'" in note.zh
        at = 2 if info.index is None else info.index[0]
        if not isinstance(target, Contrast):
            assert info.label == f"{en} {at} '{text.split()[at]}'" and info.zh == f"{zh} {at}‘{text.split()[at]}’"
        else:
            assert info.label.startswith(f"{en} 2 'sat' rather than {en} ")


def test_other_scores_keep_their_names() -> None:
    scores, texts = torch.randn(1, 3), Texts(torch.tensor([[3, 4, 5]]), None, Vocabulary(words()))
    plain = Target(1, texts=texts).resolve(scores, {"logits": scores})
    assert plain.infos[0].label == "class 1" and not plain.notes
    raw = {"start_logits": scores, "end_logits": scores.clone()}
    named = Target(1, texts=texts).resolve(scores, raw)
    assert named.infos[0].label == "start of the answer at token 1 'cat'"
    assert named.rival is not None and "start of the answer" in named.rival(scores).infos[0].label
    for other in (None, Texts(torch.tensor([[3, 4]]))):
        assert placed(plain, scores, raw, other) is plain
