"""Order without ties: a value and the sample it comes from as one integer, and a fixed shuffle of integers."""

import torch
from torch import Tensor

NOTHING = torch.iinfo(torch.int64).min
_LOW = 0xFFFFFFFF
_SIGN = 0x7FFFFFFF


def keys(values: Tensor, ordinals: Tensor) -> Tensor:
    """One integer for each value; larger values have larger ones, and of equal values the earlier sample.

    Args:
        values: any floating type; compared in single precision, -0 as 0. NaN gives `NOTHING`.
        ordinals: of the samples, below 2^32, of a shape that broadcasts.
    Returns:  int64, of the common shape.
    """
    single = values.float() + 0.0
    bits = single.contiguous().view(torch.int32)
    ordered = torch.where(bits >= 0, bits, bits ^ _SIGN).to(torch.int64)
    made = (ordered << 32) | (_LOW - ordinals)
    return torch.where(single.isnan(), NOTHING, made)


def value_of(made: Tensor) -> Tensor:
    """The values that `keys` were made of, float32; NaN for `NOTHING`."""
    ordered = (made >> 32).to(torch.int32)
    bits = torch.where(ordered >= 0, ordered, ordered ^ _SIGN)
    return torch.where(made == NOTHING, torch.nan, bits.view(torch.float32))


def ordinal_of(made: Tensor) -> Tensor:
    """The samples that `keys` were made of; -1 for `NOTHING`."""
    return torch.where(made == NOTHING, -1, _LOW - (made & _LOW))


def shuffled(numbers: Tensor, seed: int = 0) -> Tensor:
    """A fixed one-to-one shuffle of all 64-bit integers (splitmix64), so that no two of them tie.

    Source:   Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195.
    """
    x = numbers.to(torch.int64) + _signed(0x9E3779B97F4A7C15 * (2 * seed + 1))
    x = (x ^ _right(x, 30)) * _signed(0xBF58476D1CE4E5B9)
    x = (x ^ _right(x, 27)) * _signed(0x94D049BB133111EB)
    return x ^ _right(x, 31)


def _right(x: Tensor, bits: int) -> Tensor:
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _signed(number: int) -> int:
    number &= (1 << 64) - 1
    return number - (1 << 64) if number >> 63 else number
