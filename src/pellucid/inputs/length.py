"""Whether a text is longer than the positions that a model has, or was trained on."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor, nn

from pellucid.core.errors import BadInput
from pellucid.core.text import Text
from pellucid.inputs.taken import TEXTS, owner_of


def beyond(kwargs: Mapping[str, Any], accepts: Callable[..., Any] | None) -> Iterator[Text]:
    """What to say of a text that is longer than its model was made for.

    Raises:
        BadInput: the model has no position for its last tokens.
    """
    ids, model = kwargs.get(TEXTS), owner_of(accepts)
    config = getattr(model, "config", None)
    stated = getattr(getattr(config, "text_config", None), "max_position_embeddings", None)
    most = stated or getattr(config, "max_position_embeddings", None)
    if not isinstance(ids, Tensor) or ids.ndim != 2 or not isinstance(most, int) or not isinstance(model, nn.Module):
        return
    length, room = ids.shape[1], _room(model, most)
    if room is not None and length > room:
        raise BadInput(
            Text(
                f"The text has {length} tokens; the model has positions for {room}.",
                f"文本有 {length} 个词元，而模型只有 {room} 个位置。",
            ),
            hint=Text(
                f"a shorter text, or tokenizer(text, truncation=True, max_length={room}, return_tensors='pt')",
                f"请缩短文本，或 tokenizer(text, truncation=True, max_length={room}, return_tensors='pt')",
            ),
        )
    if length > most:
        yield Text(
            f"The text has {length} tokens; the model was made for {most}. Its answer beyond is not to be trusted.",
            f"文本有 {length} 个词元，而模型为 {most} 个词元而设计，超出部分的回答不可信。",
        )


def _room(model: nn.Module, most: int) -> int | None:
    """How many tokens a table of positions has room for; None where positions are computed."""
    rooms = [
        one.num_embeddings - (0 if one.padding_idx is None else one.padding_idx + 1)
        for name, one in model.named_modules()
        if isinstance(one, nn.Embedding)
        and most <= one.num_embeddings <= most + 2
        and ("position" in name or name.endswith("wpe"))
    ]
    return min([*rooms, most]) if rooms else None
