"""Relevance of the words of a sentence through a language model's attention: what its next word was read from."""

import argparse

import pellucid as pl

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--model", default="hf:SmolLM2-135M", help="a folder of a causal language model, after 'hf:'")
parser.add_argument("--out", default="examples/out/attn_lrp.png")
asked = parser.parse_args()

text = "When Mary and John went to the store, John gave a drink to"
result = pl.open(asked.model).see(text, pl.attn_lrp())[0]
result.save(asked.out)
print(result.describe())
