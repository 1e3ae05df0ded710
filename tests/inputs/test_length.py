import pytest
import torch
import transformers

import pellucid as pl
from pellucid.core.errors import BadInput
from pellucid.inputs.length import beyond
from tests.lens.test_generating import llama
from tests.networks.writers import PIECES, clip, t5, words

SIZES = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 4}


def ids(length: int) -> dict[str, torch.Tensor]:
    return {"input_ids": torch.full((1, length), 3)}


@pytest.mark.parametrize(("kind", "more"), [("Bert", 0), ("Roberta", 2)])
def test_a_text_that_the_table_of_positions_does_not_hold(kind: str, more: int) -> None:
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(PIECES), max_position_embeddings=8 + more, pad_token_id=1, **SIZES
    )
    lens = pl.Lens(getattr(transformers, f"{kind}Model")(config).eval(), tokenizer=words())
    assert lens.see(ids(8), "saliency", target=pl.similarity(ids(3))).results
    with pytest.raises(BadInput, match="9 tokens; the model has positions for 8") as caught:
        lens.read(" ".join(["cat"] * 9))
    assert "max_length=8" in caught.value.hint


def test_positions_that_are_computed_are_only_doubted() -> None:
    model = llama()
    assert not list(beyond(ids(32), model.forward)) and not list(beyond(ids(900), t5().forward))
    (note,) = beyond(ids(33), model.forward)
    assert "33 tokens; the model was made for 32" in note.en and not note.aside
    assert pl.Lens(model, tokenizer=words()).read(" ".join(["cat"] * 33)).notes == (note,)


def test_the_texts_of_a_model_with_pictures() -> None:
    with pytest.raises(BadInput, match="positions for 16"):
        list(beyond(ids(17), clip().forward))
