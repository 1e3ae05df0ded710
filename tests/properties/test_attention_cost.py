"""What attention costs: passes of all its methods together, and memory of a long text."""

import os
import subprocess
import sys
import warnings

import pytest
import torch

import pellucid as pl
from pellucid.registry import find, names
from tests.networks import seeded

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import transformers

ATTENTION = [find(name) for name in names() if find(name).family == "attention"]
SMALL = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 48}
WORDS = {"input_ids": torch.randint(3, 50, (2, 7), generator=torch.Generator().manual_seed(0))}
PICTURES = {"pixel_values": torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))}
MODELS = {
    "BERT": ("BertForSequenceClassification", "BertConfig", {"vocab_size": 50}, WORDS),
    "ViT": ("ViTForImageClassification", "ViTConfig", {"image_size": 32, "patch_size": 8}, PICTURES),
    "Llama": ("LlamaForCausalLM", "LlamaConfig", {"vocab_size": 50, "num_key_value_heads": 2}, WORDS),
}


@pytest.mark.parametrize("way", ["sdpa", "eager"])
@pytest.mark.parametrize("name", MODELS)
def test_all_of_attention_is_one_forward_and_one_backward(name: str, way: str) -> None:
    model, config, more, x = MODELS[name]
    made = getattr(transformers, config)(**SMALL, **more, attn_implementation=way)
    lens = pl.Lens(seeded(lambda: getattr(transformers, model)(made))())
    views = lens.see(x, *(spec(**spec.quick) for spec in ATTENTION), target=1)
    assert len(ATTENTION) >= 6 and not views.failures
    assert (views.cost.forwards, views.cost.backwards) == (1, 1)
    forward = [find(name)() for name in ("attention_weights", "attention_rollout", "attention_heads")]
    views = lens.see(x, *forward)
    assert (views.cost.forwards, views.cost.backwards) == (1, 0)


# SmolLM2's shape: 30 layers of 9 heads, 576 features. Over 2,048 tokens these are 4.2 GiB of probabilities, one mean of
# the heads for each layer 0.5 GiB, and the limit is 2 GiB. Here all of it is a sixteenth (a quarter of the tokens and
# of the features), and so is what an attention may remember.
SHORTER = 4
TOKENS, LIMIT = 2048 // SHORTER, 2048 / SHORTER**2
LONG = f"""
import resource, warnings
import torch
warnings.simplefilter("ignore")
import transformers
import pellucid as pl
from pellucid.engine.attention import attention

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10

torch.set_num_threads(1)
attention._CACHED //= {SHORTER**2}
shape = dict(num_attention_heads=9, num_key_value_heads=3, vocab_size=256)
config = transformers.LlamaConfig(hidden_size={576 // SHORTER}, num_hidden_layers=30, intermediate_size=96, **shape)
model = transformers.LlamaForCausalLM(config).eval()
lens = pl.Lens(model)
lens.see(torch.zeros(1, 4, dtype=torch.long), pl.attention_weights(heads="mean"))
x = torch.randint(256, (1, {TOKENS}))
with torch.no_grad():
    model(x)
before = peak()
for settings in ({{"query": "last"}}, {{"heads": "mean"}}):
    views = lens.see(x, pl.attention_weights(**settings))
    print(peak() - before, sum(one.values.nbytes for one in views.results) / 2**20)
"""


def test_a_long_text_takes_little_more_memory_than_its_forward() -> None:
    # What is freed is given back at once, as it is where matrices are larger.
    memory = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(2**18), "OMP_NUM_THREADS": "1"}
    ran = subprocess.run([sys.executable, "-c", LONG], capture_output=True, text=True, check=True, env=memory)
    (query, _), (mean, matrices) = (map(float, line.split()) for line in ran.stdout.splitlines()[-2:])
    assert matrices == pytest.approx(30 * TOKENS**2 * 4 / 2**20), "one mean of the heads for every layer"
    assert query < LIMIT
    assert mean < LIMIT, "with the result, a quarter of it, which lies in memory once"
