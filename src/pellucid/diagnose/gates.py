"""Squeeze-excitations: one number for each channel of a picture, which opens and closes on purpose."""


def is_gate(shape: tuple[int, ...]) -> bool:
    """Whether `(example, channel, 1, 1)` has that shape; made of means, its values differ little between pictures."""
    return len(shape) > 3 and all(side == 1 for side in shape[2:])
