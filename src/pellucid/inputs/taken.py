"""What models of transformers take besides their first input: read off the forward's owner, without importing them."""

import inspect
from collections.abc import Callable
from typing import Any

PICTURES, TEXTS, WRITTEN = "pixel_values", "input_ids", "decoder_input_ids"


def owner_of(accepts: Callable[..., Any] | None) -> Any:
    """The model whose forward it is; None for a function."""
    return getattr(accepts, "__self__", None)


def writes(accepts: Callable[..., Any] | None) -> bool:
    """Whether the model is an encoder with a decoder that writes texts, token after token."""
    model = owner_of(accepts)
    may = getattr(model, "can_generate", None)
    config = getattr(model, "config", None)
    return bool(callable(may) and may() and getattr(config, "is_encoder_decoder", False) and takes(accepts, WRITTEN))


def start_of(accepts: Callable[..., Any] | None) -> int | None:
    """The token that the decoder begins with; None where nothing states it."""
    model = owner_of(accepts)
    for stated in (getattr(model, "config", None), getattr(model, "generation_config", None)):
        for part in (stated, getattr(stated, "decoder", None)):
            token = getattr(part, "decoder_start_token_id", None)
            if isinstance(token, int):
                return token
    return None


def compares(accepts: Callable[..., Any] | None) -> bool:
    """Whether the model tells how well each of some texts fits a picture, as CLIP does."""
    model = owner_of(accepts)
    both = all(callable(getattr(model, f"get_{side}_features", None)) for side in ("text", "image"))
    return both and takes(accepts, TEXTS) and takes(accepts, PICTURES)


def pads_whole(accepts: Callable[..., Any] | None) -> bool:
    """Whether texts are padded to the longest that the model takes, as SigLIP was trained; its last token is read."""
    kind = str(getattr(getattr(owner_of(accepts), "config", None), "model_type", ""))
    return compares(accepts) and kind.startswith("siglip")


def takes(accepts: Callable[..., Any] | None, name: str) -> bool:
    """Whether the forward has a parameter of that name."""
    return name in names_of(accepts)


def names_of(accepts: Callable[..., Any] | None) -> list[str]:
    """Names of the forward's parameters; none where they cannot be read."""
    try:
        return [] if accepts is None else list(inspect.signature(accepts).parameters)
    except (TypeError, ValueError):
        return []
