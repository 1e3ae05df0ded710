"""Numbers as a reader wants them."""

import math


def number(value: float, digits: int = 3) -> str:
    """`value` with `digits` significant digits: 0.0123, 1,230,000, 4.5e-07, -3, NaN."""
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == int(value) and abs(value) < 1e9:
        return f"{int(value):,}"
    size = abs(value)
    if size >= 1e9 or size < 1e-3:
        mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}e{int(exponent)}"
    decimals = max(0, digits - 1 - math.floor(math.log10(size)))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: float) -> str:
    """`share` of one as a percentage: 42%, 3.1%, 0.04%, "<0.01%"; never 0% or 100% unless exactly so."""
    value = 100 * float(share)
    if math.isnan(value):
        return "NaN"
    if 0 < value < 0.01:
        return "<0.01%"
    if 99.9 < value < 100:
        return ">99.9%"
    decimals = 0 if value >= 10 or value == 0 else 1 if value >= 1 else 2
    if 99 < value < 100:
        decimals = 1
    text = f"{value:.{decimals}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "%"


def probability(value: float) -> str:
    """A probability with two digits that never rounds up to 1 nor down to 0: 0.71, 0.00032, >0.9999."""
    if 0.9999 < value < 1:
        return ">0.9999"
    if value > 0.99:
        return f"{math.floor(value * 10000) / 10000:.4f}".rstrip("0").rstrip(".")
    if value >= 0.01 or value == 0:
        return f"{value:.2f}"
    return number(value, 2) if value < 1e-5 else f"{value:.5f}".rstrip("0")


def count(value: float) -> str:
    """A large count in short: 25.6 M, 4.1 G, 812."""
    for size, mark in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e4, " k")):
        if abs(value) >= size:
            return number(value / (1e3 if mark == " k" else size)) + mark
    return number(value)
