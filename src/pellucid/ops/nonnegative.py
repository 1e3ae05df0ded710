"""Sums of parts with coefficients that are never negative."""

import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor


def coefficients(vectors: Tensor, parts: Tensor) -> Tensor:
    """The coefficients `u >= 0` that bring `u @ parts` nearest to each vector, `(vector, part)` in double precision.

    Args:
        vectors: `(vector, feature)`, finite.
        parts: `(part, feature)`, of any sign.
    Source:   Lawson & Hanson 1974, chapter 23.
    """
    basis, triangle = torch.linalg.qr(parts.detach().cpu().double().T)
    sides = (vectors.detach().cpu().double() @ basis).numpy()
    left = triangle.numpy()
    found = [nnls(left, side)[0] for side in sides]
    return torch.from_numpy(np.array(found).reshape(len(sides), len(parts)))


def halves(vectors: Tensor) -> Tensor:
    """What is positive and what is negative of each vector side by side, `(vector, 2 * feature)`, never negative."""
    return torch.cat([vectors.clamp(min=0), (-vectors).clamp(min=0)], 1)


def joined(parts: Tensor) -> Tensor:
    """Vectors from their `halves`."""
    middle = parts.shape[1] // 2
    return parts[:, :middle] - parts[:, middle:]


def rebuilt(vectors: Tensor, copies: Tensor) -> float:
    """Share of the squared vectors that their copies rebuild: 1 minus what is left of them; 1 where all are zero."""
    whole = float(vectors.double().square().sum())
    left = float((vectors.double() - copies.double()).square().sum())
    return 1 - left / whole if whole > 0 else 1.0
