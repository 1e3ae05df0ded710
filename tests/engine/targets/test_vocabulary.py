"""Names of tokens, and where texts begin and end."""

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from pellucid.core.errors import BadTarget
from pellucid.engine.targets.vocabulary import Texts, Vocabulary, texts_of
from pellucid.inputs.inputs import Inputs

PIECES = ["<unk>", "<pad>", "<mask>", "Paris", "ĠParis", "Ġ", "P", "a", "r", "i", "s", "Ġis", "L", "y", "o", "n"]


def byte_level() -> PreTrainedTokenizerFast:
    merges = [("P", "a"), ("Pa", "r"), ("Par", "i"), ("Pari", "s"), ("Ġ", "Paris"), ("i", "s"), ("Ġ", "is")]
    more = [*PIECES, "Pa", "Par", "Pari", "is"]
    made = Tokenizer(models.BPE({one: i for i, one in enumerate(more)}, merges, unk_token="<unk>"))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="<unk>", pad_token="<pad>", mask_token="<mask>", eos_token="<pad>"
    )


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary(byte_level())


def test_a_space_counts_where_both_are_tokens(vocabulary: Vocabulary) -> None:
    assert (vocabulary.number("Paris"), vocabulary.number(" Paris"), vocabulary.number(" is")) == (3, 4, 11)
    assert vocabulary.name(4) == " Paris" and vocabulary.name(10**6) == "#1000000"
    assert vocabulary.number("<mask>") == 2


def test_several_tokens_are_told_with_the_nearest(vocabulary: Vocabulary) -> None:
    with pytest.raises(BadTarget, match="'Lyon' is 4 tokens of this model: 'L', 'y', 'o', 'n'") as caught:
        vocabulary.number("Lyon")
    assert "'L'" in caught.value.nearest and "pl.generated" in caught.value.hint
    with pytest.raises(BadTarget) as caught:
        vocabulary.number(" Lyon")
    assert caught.value.nearest.startswith("'L'") and "␣" not in caught.value.nearest
    with pytest.raises(BadTarget) as caught:
        vocabulary.number("Pariss")
    assert "Paris'" in caught.value.nearest
    with pytest.raises(BadTarget, match="no token of this model"):
        vocabulary.number("Q")


def test_scores_are_tokens_where_there_are_about_as_many(vocabulary: Vocabulary) -> None:
    assert vocabulary.fits(20) and vocabulary.fits(21) and not vocabulary.fits(32) and not vocabulary.fits(2)


def test_places_leave_padding_out_on_either_side() -> None:
    mask = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1]]).bool()
    texts = Texts(torch.zeros(3, 4, dtype=torch.long), mask)
    assert [texts.place(row, 4) for row in range(3)] == [3, 2, 3]
    assert [texts.place(row, 4, 0) for row in range(3)] == [2, 0, 0]
    assert [texts.place(row, 4, -2) for row in range(3)] == [2, 1, 2]
    assert texts.place(0, 7) == 6 and texts.rows(1, 3).place(0, 4) == 2
    with pytest.raises(BadTarget, match="the text has 2 tokens, 0 to 1"):
        texts.place(0, 4, 2)


def test_the_masked_token_is_the_usual_place(vocabulary: Vocabulary) -> None:
    texts = Texts(torch.tensor([[3, 2, 11], [3, 4, 11]]), None, vocabulary)
    assert [texts.place(row, 3) for row in range(2)] == [1, 2] and texts.names(1) == ("Paris", " Paris", " is")


def test_which_input_the_output_follows() -> None:
    ids, mask = torch.ones(2, 3, dtype=torch.long), torch.tensor([[1, 1, 0], [1, 1, 1]])
    found = texts_of(Inputs((), {"input_ids": ids, "attention_mask": mask}))
    assert found is not None and found.ids is ids and found.places(0) == [0, 1] and found.vocabulary is None
    decoded = texts_of(Inputs((), {"input_ids": ids, "decoder_input_ids": ids[:, :1]}))
    assert decoded is not None and decoded.ids.shape == (2, 1)
    assert texts_of(None) is None and texts_of(Inputs((torch.zeros(1, 3),))) is None
