"""A small data set of coloured shapes with known masks, generated: what stands in where no data set lies at hand."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

NAMES = ("circle", "ring", "square", "frame", "triangle", "diamond", "cross", "star", "bars", "moon")
SIDE = 32
_FINE = 4  # shapes are drawn this many times larger, then reduced, for smooth edges


@dataclass(frozen=True, eq=False)
class Shapes:
    """Pictures of one shape each.

    Args:
        images: `(image, 32, 32, 3)`, bytes.
        labels: `(image,)`, indices into `names`.
        masks: `(image, 32, 32)`, where the shape is.
    """

    images: np.ndarray
    labels: np.ndarray
    masks: np.ndarray
    names: tuple[str, ...] = NAMES


def make_shapes(count: int, seed: int = 0) -> Shapes:
    """`count` pictures, one of ten shapes each, anywhere, in any colour, at any angle, on a noisy ground.

    Colour, place and size tell nothing of the class; only the shape does. Picture `i` depends on `seed` and `i` alone,
    so a longer set begins with the shorter one.

    Args:
        count: number of pictures.
        seed: which set; train and test take different ones.
    """
    images = np.empty((count, SIDE, SIDE, 3), np.uint8)
    masks = np.empty((count, SIDE, SIDE), bool)
    labels = np.arange(count, dtype=np.int64) % len(NAMES)
    for i in range(count):
        images[i], masks[i] = _one(int(labels[i]), np.random.default_rng((seed, i)))
    return Shapes(images, labels, masks)


def _one(label: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    ground = rng.uniform(0, 255, 3)
    colour = rng.uniform(0, 255, 3)
    while abs(_brightness(colour) - _brightness(ground)) < 70:
        colour = rng.uniform(0, 255, 3)
    radius = rng.uniform(8, 12)
    middle = rng.uniform(1.2 * radius + 1, SIDE - 1.2 * radius - 1, 2)
    cover = _cover(NAMES[label], middle, radius, rng.uniform(-0.3, 0.3))
    texture = rng.normal(0, 10, (SIDE, SIDE, 1)) + rng.normal(0, 6, (SIDE, SIDE, 3))
    pixels = ground + (colour - ground) * cover[..., None] + texture
    return pixels.clip(0, 255).astype(np.uint8), cover > 0.5


def _brightness(colour: np.ndarray) -> float:
    return float(colour @ (0.299, 0.587, 0.114))


def _cover(name: str, middle: np.ndarray, radius: float, angle: float) -> np.ndarray:
    """The share of each pixel that the shape covers, `(32, 32)` in 0..1."""
    canvas = Image.new("L", (SIDE * _FINE, SIDE * _FINE))
    draw = ImageDraw.Draw(canvas)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])

    def polygon(points: list[tuple[float, float]], fill: int = 255) -> None:
        placed = (np.array(points) * radius @ turn.T + middle) * _FINE
        draw.polygon([(x, y) for x, y in placed.tolist()], fill=fill)

    def disc(x: float, y: float, size: float, fill: int = 255) -> None:
        polygon(
            [(x + size * math.cos(t), y + size * math.sin(t)) for t in np.linspace(0, 2 * math.pi, 48, False)], fill
        )

    def box(x: float, y: float, wide: float, high: float, fill: int = 255) -> None:
        polygon([(x - wide, y - high), (x + wide, y - high), (x + wide, y + high), (x - wide, y + high)], fill)

    _draw(name, polygon, disc, box)
    reduced = canvas.reduce(_FINE)
    return np.asarray(reduced, dtype=np.float64) / 255


def _draw(name: str, polygon: Callable[..., None], disc: Callable[..., None], box: Callable[..., None]) -> None:
    match name:
        case "circle":
            disc(0, 0, 0.95)
        case "ring":
            disc(0, 0, 1)
            disc(0, 0, 0.55, 0)
        case "square":
            box(0, 0, 0.8, 0.8)
        case "frame":
            box(0, 0, 0.85, 0.85)
            box(0, 0, 0.45, 0.45, 0)
        case "triangle":
            polygon([(0, -1), (0.95, 0.75), (-0.95, 0.75)])
        case "diamond":
            polygon([(0, -1), (0.65, 0), (0, 1), (-0.65, 0)])
        case "cross":
            box(0, 0, 1, 0.3)
            box(0, 0, 0.3, 1)
        case "star":
            turns = [(i * math.pi / 5, 0.42 if i % 2 else 1) for i in range(10)]
            polygon([(size * math.sin(turn), -size * math.cos(turn)) for turn, size in turns])
        case "bars":
            for y in (-0.7, 0, 0.7):
                box(0, y, 0.95, 0.2)
        case _:
            disc(0, 0, 1)
            disc(0.45, -0.1, 0.8, 0)
