"""Names for units: `python -m docs.units --photographs DIR` makes what docs/pages/units.md shows and counts.

DIR is where Debian's gcompris-qt-data was unpacked (`apt-get download gcompris-qt-data && dpkg -x *.deb DIR`). Its
photographs that are in the public domain or CC0, and five of scikit-image, are cut into five squares each, and every
second photograph goes to the second half. Ten channels are chosen on the first half alone. `--sheets` writes what a
person names (first.png) and what is then matched without captions, in another order (second.png, its order in
order.json). No photograph is in both halves, and of each only its strongest square counts.
"""

import argparse
import json
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from io import BytesIO
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image

import pellucid as pl
from docs.build import LANGUAGES, THEMES
from pellucid.core.text import Text, say
from pellucid.results import Gallery, Result

LAYER, UNITS, SHOWN, DEEP = "_blocks.4", 10, 6, 20
SIDE, PART, WIDE = 256, 0.62, 1000
MORE = ("astronaut.png", "camera.png", "chelsea.png", "coffee.png", "rocket.jpg")
FREE = re.compile(r"CC0|public domain", re.IGNORECASE)
IMAGES = Path(__file__).parent / "images"
SEED = 5
NAMED = Text("photographs that it was named by", "用于命名的照片")
OTHERS = Text("other photographs", "其余照片")


def main() -> None:
    """Sweep both halves, and write the sheets or the pictures of the page."""
    asked = argparse.ArgumentParser(prog="python -m docs.units", description=__doc__)
    asked.add_argument("--photographs", type=Path, required=True, help="where gcompris-qt-data was unpacked")
    asked.add_argument("--sheets", type=Path, help="folder for the sheets to name and to match")
    asked.add_argument("--units", nargs="*", type=int, default=(), help="channels to draw for the page")
    given = asked.parse_args()
    torch.set_num_threads(1)
    lens = pl.open("demo")
    photographs = sorted(photographs_of(given.photographs).items())
    halves = [dict(squares(photographs[which::2])) for which in (0, 1)]
    print(f"{len(photographs)} photographs, {sum(map(len, halves))} squares")
    first = swept(lens, halves[0], UNITS)
    channels = tuple(dict.fromkeys(channel_of(group) for group in first.groups))
    second = swept(lens, halves[1], channels)
    if given.sheets is not None:
        sheets(given.sheets, first, second, channels)
    for channel in given.units:
        draw(side_by_side(only(first, [channel]), only(second, [channel])), f"unit_{channel}")


def draw(result: Result, name: str) -> None:
    """The picture in both languages and themes."""
    with TemporaryDirectory() as folder:
        for lang in LANGUAGES:
            for theme in THEMES:
                path = result.save(Path(folder) / "unit.png", theme=theme, lang=lang)
                with Image.open(path) as picture:
                    small = picture.convert("RGB")
                    small.thumbnail((WIDE, WIDE), Image.Resampling.LANCZOS)
                    small.save(IMAGES / f"{name}.{lang}.{theme}.webp", quality=75)


def photographs_of(folder: Path) -> dict[str, Image.Image]:
    """Free photographs by name."""
    found: dict[str, Image.Image] = {}
    for archive in sorted(folder.rglob("explore_*.rcc")):
        files = dict(unpacked(archive.read_bytes()))
        readmes = [name for name in files if name.endswith("README")]
        for readme in readmes:
            for name in free(files[readme].decode("utf-8", "replace")):
                content = files.get(f"{readme.rpartition('/')[0]}/{name}")
                if content is not None and name.endswith(".webp"):
                    found[Path(name).stem] = Image.open(BytesIO(content)).convert("RGB")
    for name in MORE:
        found[Path(name).stem] = Image.fromarray(scikit_image_read(name))
    return found


def scikit_image_read(name: str) -> np.ndarray:
    """A picture that comes with scikit-image, `(height, width, 3)`."""
    found = find_spec("skimage")
    if found is None or found.origin is None:
        raise SystemExit("pip install scikit-image")
    with Image.open(Path(found.origin).parent / "data" / name) as file:
        return np.asarray(file.convert("RGB"))


def free(readme: str) -> Iterator[str]:
    """Files whose licence is CC0 or public domain, by the README beside them."""
    licence = ""
    for line in readme.splitlines():
        stated = re.match(r"\s*Licen[cs]e:\s*(.*)", line, re.IGNORECASE)
        licence = stated[1] if stated else licence
        if FREE.search(licence):
            yield line.strip().lstrip("-* ")


def unpacked(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files in a Qt resource file."""
    _, version, tree, data, names = struct.unpack(">4sIIII", content[:20])
    size = 22 if version >= 2 else 14

    def walk(number: int, above: str) -> Iterator[tuple[str, bytes]]:
        at = tree + number * size
        place, flags = struct.unpack(">IH", content[at : at + 6])
        (length,) = struct.unpack(">H", content[names + place : names + place + 2])
        named = content[names + place + 6 : names + place + 6 + 2 * length].decode("utf-16-be") if number else ""
        path = f"{above}/{named}" if named else above
        if flags & 2:
            count, first = struct.unpack(">II", content[at + 6 : at + 14])
            for below in range(first, first + count):
                yield from walk(below, path)
            return
        (start,) = struct.unpack(">I", content[at + 10 : at + 14])
        (stop,) = struct.unpack(">I", content[data + start : data + start + 4])
        found = content[data + start + 4 : data + start + 4 + stop]
        yield path, zlib.decompress(found[4:]) if flags & 1 else found

    yield from walk(0, "")


def squares(photographs: list[tuple[str, Image.Image]]) -> Iterator[tuple[str, Image.Image]]:
    """The middle square of each photograph, and a smaller one in each corner."""
    for name, photo in photographs:
        side = min(photo.size)
        part, right, bottom = int(side * PART), photo.width, photo.height
        boxes = [
            ((right - side) // 2, (bottom - side) // 2, side),
            *((x, y, part) for y in (0, bottom - part) for x in (0, right - part)),
        ]
        for i, (x, y, wide) in enumerate(boxes):
            cut = photo.crop((x, y, x + wide, y + wide))
            yield f"{name}_{i}", cut.resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def swept(lens: pl.Lens, half: dict[str, Image.Image], channels: int | tuple[int, ...]) -> Gallery:
    """The strongest regions of different photographs."""
    with TemporaryDirectory() as folder:
        for name, picture in half.items():
            picture.save(Path(folder) / f"{name}.png")
        view = pl.top_regions(layer=LAYER, channels=channels, k=DEEP)
        gallery, table = lens.sweep(f"folder:{folder}", view)["top_regions"]
    kept: list[int] = []
    shown: dict[str, set[str]] = {}
    regions = [i for i, caption in enumerate(gallery.captions) if say(caption) != "mean"]
    for i, row in zip(regions, table.rows, strict=True):
        taken, photo = shown.setdefault(row["channel"], set()), row["sample"].rpartition("_")[0]
        if photo not in taken and len(taken) < SHOWN:
            taken.add(photo)
            kept.append(i)
    return part(gallery, kept)


def part(gallery: Gallery, kept: list[int]) -> Gallery:
    """Some tiles of a gallery."""
    images, captions, groups = (
        tuple(each[i] for i in kept) for each in (gallery.images, gallery.captions, gallery.groups)
    )
    return replace(gallery, images=images, captions=captions, groups=groups)


def only(gallery: Gallery, channels: list[int]) -> Gallery:
    """The tiles of some channels, in their order."""
    numbers = [channel_of(group) for group in gallery.groups]
    return part(gallery, [i for channel in channels for i, number in enumerate(numbers) if number == channel])


def side_by_side(first: Gallery, second: Gallery) -> Gallery:
    """The regions of one channel: those that it was named by above those of the other photographs."""
    named = (*(NAMED for _ in first.images), *(OTHERS for _ in second.images))
    joined = {key: (*getattr(first, key), *getattr(second, key)) for key in ("images", "captions")}
    return replace(first, groups=named, **joined)


def channel_of(group: Text | str) -> int:
    """The number in a heading."""
    return int(re.findall(r"\d+", say(group))[0])


def sheets(folder: Path, first: Gallery, second: Gallery, channels: tuple[int, ...]) -> None:
    """What is named, and what is matched: without captions, in an order that is written beside."""
    folder.mkdir(parents=True, exist_ok=True)
    order = np.random.default_rng(SEED).permutation(channels).tolist()
    replace(first, captions=()).save(folder / "first.png")
    mixed = only(second, order)
    letters = [chr(ord("A") + i) for i, (_, each) in enumerate(groupby(mixed.groups)) for _ in each]
    replace(mixed, captions=(), groups=tuple(letters), notes=()).save(folder / "second.png")
    (folder / "order.json").write_text(json.dumps(order), "utf-8")


if __name__ == "__main__":
    main()
