"""The parts of the page on names that need neither the photographs nor the network."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from docs.units import channel_of, free, only, side_by_side, squares, unpacked
from pellucid.core.text import Text
from pellucid.results import Gallery


def test_only_free_files_are_taken() -> None:
    readme = "License: CC-BY-SA 4.0\nFiles:\na.webp\n\nLicense: CC0-1.0\n- b.webp\n\nLicence: Public Domain\nc.webp\n"
    assert [name for name in free(readme) if name.endswith(".webp")] == ["b.webp", "c.webp"]


def archive(files: dict[str, bytes], *, packed: bool) -> bytes:
    """A Qt resource file with one folder."""
    names, data, tree = b"\0\0\0\0\0\0", b"", struct.pack(">IHII", 0, 2, len(files), 1) + bytes(8)
    for name, content in files.items():
        held = struct.pack(">I", len(content)) + zlib.compress(content) if packed else content
        tree += struct.pack(">IHII", len(names), int(packed), 0, len(data)) + bytes(8)
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
        data += struct.pack(">I", len(held)) + held
    start = 20
    return (
        struct.pack(">4sIIII", b"qres", 2, start, start + len(tree), start + len(tree) + len(data))
        + tree
        + data
        + names
    )


@pytest.mark.parametrize("packed", [False, True])
def test_an_archive_gives_its_files(packed: bool) -> None:
    files = {"README": b"about " * 30, "one.webp": b"\0\1\2"}
    assert dict(unpacked(archive(files, packed=packed))) == {f"/{name}": content for name, content in files.items()}


def test_five_squares_of_a_photograph() -> None:
    across = np.broadcast_to(np.arange(200, dtype=np.uint8)[None, :, None], (100, 200, 3))
    made = dict(squares([("sea", Image.fromarray(np.ascontiguousarray(across)))]))
    assert list(made) == [f"sea_{i}" for i in range(5)] and {one.size for one in made.values()} == {(256, 256)}
    means = [float(np.asarray(one).mean()) for one in made.values()]
    assert means == pytest.approx([99.5, 30.5, 168.5, 30.5, 168.5], abs=0.6)


def test_rows_of_one_channel() -> None:
    images = tuple(np.full((2, 2, 3), i / 4, np.float32) for i in range(4))
    groups = tuple(Text(f"channel {i}: 2 of 2 are cat", "") for i in (7, 7, 3, 3))
    whole = Gallery(values=np.zeros(1), images=images, captions=("a", "b", "c", "d"), groups=groups)
    assert channel_of(groups[0]) == 7
    row = only(whole, [3])
    assert row.captions == ("c", "d") and np.array_equal(row.images[0], images[2])
    both = side_by_side(row, only(whole, [7]))
    assert both.captions == ("c", "d", "a", "b") and len(set(map(str, both.groups))) == 2
