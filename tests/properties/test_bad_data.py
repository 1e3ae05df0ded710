"""What becomes of data that is damaged, hostile or unusual."""

import io
import pickle
import re
import resource
import struct
import time
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pellucid.core.errors import BadInput
from pellucid.inputs.data.batches import batches
from pellucid.inputs.data.data import Bad, Sample
from pellucid.inputs.data.open import open_data
from pellucid.inputs.data.preparation import Preparation
from pellucid.inputs.preprocess import Preprocess
from tests.inputs.data.files import bilevel_bomb, encoded, exif, pixels, png, ztxt_bomb
from tests.inputs.test_cifar10 import archive


def multi_page(count: int) -> bytes:
    page = Image.new("1", (8, 8))
    return encoded(page, "TIFF", save_all=True, append_images=[page] * (count - 1))


def damaged(content: bytes, at: float, *values: int) -> bytes:
    start = int(len(content) * at)
    return content[:start] + bytes(values) + content[start + len(values) :]


JPEG = encoded(pixels(64, 64), "JPEG", quality=90)
GIF = encoded(Image.fromarray(pixels()), "GIF", save_all=True, append_images=[Image.fromarray(pixels(seed=1))] * 3)
TOO_LARGE, NO_PICTURE, DAMAGED = "too large", "not a picture", "damaged|not a picture"
# Name of the file, what it holds, and what comes of it: words of the reason, or a tuple of words of the notes.
BAD = [
    ("empty.jpg", b"", "empty"),
    ("text.jpg", b"just words", NO_PICTURE),
    ("html.png", b"<!doctype html><title>404</title>", NO_PICTURE),
    ("svg.png", b'<svg xmlns="http://www.w3.org/2000/svg"/>', NO_PICTURE),
    ("eps.jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", NO_PICTURE),
    ("pdf.png", b"%PDF-1.7\n", NO_PICTURE),
    ("zip.png", b"PK\x03\x04" + bytes(60), NO_PICTURE),
    ("ppm.bmp", b"P6 2 2 255\n" + bytes(12), NO_PICTURE),
    ("ico.png", encoded(Image.fromarray(pixels(16, 16)), "ICO"), NO_PICTURE),
    ("half.jpg", JPEG[: len(JPEG) // 2], DAMAGED),
    ("head.jpg", JPEG[:20], DAMAGED),
    ("two.jpg", b"\xff\xd8", DAMAGED),
    ("half.png", encoded(pixels(64, 64))[:4000], DAMAGED),
    ("crc.png", damaged(encoded(pixels()), 0.02, 0, 0, 0, 0), DAMAGED),
    ("size.png", png(0, 0), DAMAGED + "|no pixels"),
    ("rows.png", png(64, 64, rows=zlib.compress(b"")), DAMAGED),
    ("half.gif", GIF[:40], DAMAGED),
    ("half.webp", encoded(pixels(64, 64), "WEBP")[:200], DAMAGED),
    ("half.tiff", encoded(pixels(64, 64), "TIFF")[:200], DAMAGED),
    ("loop.tiff", b"II*\0\x08\0\0\0\0\0\x08\0\0\0", DAMAGED),
    ("half.bmp", encoded(pixels(64, 64), "BMP")[:200], DAMAGED),
    (
        "bmp_claim.bmp",
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, 2**30, 2**30, 1, 24, 0, 0, 1, 1, 0, 0),
        TOO_LARGE,
    ),
    ("bomb12.png", bilevel_bomb(12_000), TOO_LARGE),
    ("bomb20.png", bilevel_bomb(20_000), TOO_LARGE),
    ("bomb31.png", png(2**31 - 1, 2**31 - 1), TOO_LARGE + "|damaged"),
    ("gif_claim.gif", GIF[:6] + b"\xff" * 4 + GIF[10:], TOO_LARGE),
    ("ztxt.png", ztxt_bomb(), DAMAGED),
    ("thin.png", encoded(Image.new("L", (1, 65_535))), "200 times"),
    ("float.tiff", encoded(Image.fromarray(np.ones((8, 8), np.float32)), "TIFF"), "32 bits per pixel"),
    ("cmyk.jpg", encoded(Image.new("CMYK", (16, 12)), "JPEG"), ("CMYK",)),
    ("gray16.png", encoded(np.full((12, 16), 999, np.uint16)), ("257",)),
    ("turned.jpg", encoded(pixels(), "JPEG", exif=exif(6)), ("EXIF",)),
    ("animated.gif", GIF, ("several frames",)),
    ("pages.tiff", multi_page(2000), ("several frames",)),
    ("clear.png", encoded(Image.new("RGBA", (16, 12))), ("Transparent",)),
    ("gray.jpg", encoded(Image.new("L", (16, 12)), "JPEG"), ()),
    ("one.png", encoded(Image.new("1", (16, 12))), ()),
    ("palette.png", encoded(Image.new("P", (16, 12))), ()),
    ("wrong_name.png", JPEG, ()),
    ("flipped.jpg", damaged(JPEG, 0.7, *range(8)), ()),
    ("tail.png", encoded(pixels()) + b"more", ()),
]


@pytest.mark.parametrize(("name", "content", "outcome"), BAD, ids=[name for name, *_ in BAD])
def test_pictures_of_every_kind(tmp_path: Path, name: str, content: bytes, outcome: str | tuple[str, ...]) -> None:
    (tmp_path / name).write_bytes(content)
    before, memory = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read = open_data(tmp_path).read(0)
    assert time.process_time() - before < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 100_000  # KiB
    if isinstance(outcome, str):
        assert isinstance(read, Bad) and read.status == "unreadable" and re.search(outcome, read.reason), read
    else:
        assert isinstance(read, Sample) and read.x.mode == "RGB", read
        assert len(read.notes) == len(outcome) and all(
            word in note.en for word, note in zip(outcome, read.notes, strict=True)
        )


def test_all_of_them_together_are_counted(tmp_path: Path) -> None:
    for name, content, _ in BAD:
        (tmp_path / name).write_bytes(content)
    data = open_data(tmp_path)
    given = list(batches(data, Preparation(Preprocess(size=8)), batch_size=4, threads=3))
    bad = [one.name for batch in given for one in batch.bad]
    assert sorted(bad) == sorted(name for name, _, outcome in BAD if isinstance(outcome, str))
    assert sum(map(len, given)) + len(bad) == len(BAD) == len(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_damaged_bytes_never_stop_a_reader(tmp_path: Path, kind: str) -> None:
    whole, draws = encoded(pixels(24, 24), kind), np.random.default_rng(0)
    for i in range(60):
        content = bytearray(whole)
        for at in draws.integers(0, len(content) if i % 2 else min(64, len(content)), 1 + i % 5):
            content[at] = draws.integers(256)
        (tmp_path / f"{i:02}.png").write_bytes(content[: draws.integers(1, len(content))] if i % 3 == 0 else content)
    data = open_data(tmp_path)
    before = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of what it mends
        read = [data.read(i) for i in range(60)]
    assert time.process_time() - before < 5
    assert any(isinstance(one, Bad) for one in read) and all(
        one.status == "unreadable" for one in read if isinstance(one, Bad)
    )


def arrays(how: Callable[..., None]) -> bytes:
    stream = io.BytesIO()
    how(stream, x=pixels()[None], y=np.array([3]))
    return stream.getvalue()


def release(tmp_path: Path) -> bytes:
    batch = pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [3, 9]}, 2)
    return archive(tmp_path / "made.tar.gz", "a", {"test_batch": batch}).read_bytes()


def plain() -> bytes:
    stream = io.BytesIO()
    np.save(stream, pixels()[None])
    return stream.getvalue()


WHOLE: dict[str, Callable[[Path], bytes]] = {
    "npy:a.npy": lambda _: plain(),
    "npz:a.npz": lambda _: arrays(np.savez),
    "npz:b.npz": lambda _: arrays(np.savez_compressed),
    "cifar10:a.tar.gz#test": release,
    "list:a.csv": lambda _: 'path,label\r\n"a b.png",3\r\nb.png,4\r\n'.encode("utf-8-sig"),
    "list:a.jsonl": lambda _: b'{"path": "a.png", "label": "cat"}\n{"path": "b.png", "label": null}\n',
    "text:a.txt": lambda _: "one\r\n二\nthree".encode("utf-8-sig"),
}


@pytest.mark.parametrize("words", WHOLE)
@pytest.mark.filterwarnings("ignore")  # numpy and zipfile warn of what they find
def test_damaged_files_are_refused_or_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.chdir(tmp_path)
    whole, draws = WHOLE[words](tmp_path), np.random.default_rng(0)
    file = Path(words.partition(":")[2].partition("#")[0])
    before, memory, outcomes = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, set()
    for i in range(100):
        content = bytearray(whole)
        for at in draws.integers(0, len(content) if i % 2 else min(160, len(content)), 1 + i % 5):
            content[at] = draws.integers(256)
        file.write_bytes(content[: draws.integers(1, len(content))] if i % 4 == 0 else content)
        try:
            data = open_data(words)
            outcomes.update(type(data.read(ordinal)) for ordinal in range(min(3, len(data))))
        except BadInput as error:
            outcomes.add(type(error))
    assert time.process_time() - before < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 200_000  # KiB
    assert outcomes <= {BadInput, Bad, Sample} and len(outcomes) > 1
