"""Random numbers that do not depend on what was drawn before."""

import torch

_STEP = 0x9E3779B97F4A7C15  # 2**64 over the golden ratio: neighbours lie far apart


def generator(seed: int, ordinal: int = 0) -> torch.Generator:
    """A CPU generator for sample number `ordinal` of a seed: sample 7 is the same whether 6 were drawn or not."""
    return torch.Generator().manual_seed((seed * _STEP + ordinal) % 2**63)
