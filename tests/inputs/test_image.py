import io
import resource
import struct
import time
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from pellucid.core.errors import BadInput
from pellucid.inputs.image import open_image


def colours(height: int = 6, width: int = 9) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(picture: Image.Image, kind: str, **how: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **how)
    return stream.getvalue()


def png_of(width: int, height: int, rows: bytes) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_formats_give_their_pixels(kind: str) -> None:
    how = {"lossless": True} if kind == "WEBP" else {}
    picture, notes = open_image(encoded(Image.fromarray(colours()), kind, **how))
    assert picture.mode == "RGB" and notes == ()
    np.testing.assert_array_equal(np.asarray(picture), colours())


def test_path_and_str_and_picture_are_the_same(tmp_path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(encoded(Image.fromarray(colours()), "PNG"))
    for source in (file, str(file), Image.open(file)):
        np.testing.assert_array_equal(np.asarray(open_image(source)[0]), colours())


def test_exif_orientation_is_applied_unless_asked_not_to() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    file = encoded(Image.fromarray(colours()), "PNG", exif=exif)
    turned, notes = open_image(file)
    np.testing.assert_array_equal(np.asarray(turned), np.rot90(colours(), -1))
    assert "EXIF" in notes[0].en and "EXIF" in notes[0].zh
    assert open_image(file, exif=False)[0].size == (9, 6)


def test_sixteen_bit_gray_is_divided_by_257() -> None:
    levels = np.array([[0, 257, 257 * 100], [128, 129, 65535]], dtype=np.uint16)
    picture, notes = open_image(encoded(Image.fromarray(levels), "PNG"))
    np.testing.assert_array_equal(np.asarray(picture)[..., 0], [[0, 1, 100], [0, 1, 255]])
    assert "257" in notes[0].en


def test_floating_pixels_are_refused() -> None:
    with pytest.raises(BadInput, match="32 bits per pixel"):
        open_image(encoded(Image.fromarray(np.ones((3, 3), np.float32)), "TIFF"))


def test_cmyk_is_noted() -> None:
    picture, notes = open_image(encoded(Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "TIFF"))
    assert picture.getpixel((0, 0)) == (255, 0, 0) and "CMYK" in notes[0].en


def test_transparency_lies_on_white() -> None:
    layered = np.zeros((2, 2, 4), np.uint8)
    layered[0, 0] = (10, 20, 30, 255)
    picture, notes = open_image(encoded(Image.fromarray(layered), "PNG"))
    assert picture.getpixel((0, 0)) == (10, 20, 30) and picture.getpixel((1, 1)) == (255, 255, 255)
    assert "white" in notes[0].en
    assert open_image(Image.fromarray(np.full((2, 2, 4), 255, np.uint8)))[1] == ()


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (5, 5), colour) for colour in ("red", "blue")]
    picture, notes = open_image(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert picture.getpixel((2, 2))[0] > 200 and "first" in notes[0].en


def test_palette_with_transparency() -> None:
    palette = Image.new("P", (2, 2), 0)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.putpixel((1, 1), 1)
    picture, _ = open_image(encoded(palette, "PNG", transparency=0))
    assert picture.getpixel((0, 0)) == (255, 255, 255) and picture.getpixel((1, 1)) == (0, 0, 255)


def test_bomb_is_refused_at_its_header_without_decoding() -> None:
    packer, side = zlib.compressobj(9), 20_000
    rows = b"".join(packer.compress(bytes(1 + side // 8)) for _ in range(side)) + packer.flush()
    bomb = png_of(side, side, rows)
    assert len(bomb) < 100_000
    before, memory = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadInput, match="too large"):
        open_image(bomb)
    assert time.process_time() - before < 0.2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 20_000
    assert Image.MAX_IMAGE_PIXELS == 89478485


def test_claims_beyond_the_limit_are_refused() -> None:
    for side in (8_000, 12_000, 2**31 - 1):
        with pytest.raises(BadInput, match=r"too large|damaged"):
            open_image(png_of(side, side, b""))
    with pytest.raises(BadInput, match=r"6 pixels, more than 50"):
        open_image(Image.fromarray(colours()), max_pixels=50)


def test_thin_pictures_are_refused() -> None:
    with pytest.raises(BadInput, match="200 times"):
        open_image(encoded(Image.new("RGB", (1, 201)), "PNG"))
    assert open_image(Image.new("RGB", (1, 200)))[0].size == (1, 200)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "GIF"])
def test_cut_short(kind: str) -> None:
    file = encoded(Image.fromarray(colours(64, 64)), kind)
    with pytest.raises(BadInput, match=r"damaged|not a picture"):
        open_image(file[: len(file) // 2])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"just words, no picture", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 40, "not a picture|damaged"),
    ],
)
def test_what_is_no_picture(content: bytes, words: str, tmp_path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(content)
    with pytest.raises(BadInput, match=words):
        open_image(file)
    with pytest.raises(BadInput, match=words):
        open_image(content)


def test_missing_file_tells_its_neighbours(tmp_path) -> None:
    (tmp_path / "cat.png").write_bytes(b"x")
    with pytest.raises(BadInput, match="no file") as caught:
        open_image(tmp_path / "cta.png")
    assert "cat.png" in caught.value.nearest
    with pytest.raises(BadInput, match="folder"):
        open_image(tmp_path)


def test_flipped_bytes_never_escape_as_another_error() -> None:
    rng = np.random.default_rng(1)
    for kind in ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"):
        file = np.frombuffer(encoded(Image.fromarray(colours(16, 16)), kind), np.uint8)
        for _ in range(60):
            hurt = file.copy()
            hurt[rng.integers(0, len(hurt), 6)] = rng.integers(0, 256, 6)
            try:
                assert open_image(hurt.tobytes())[0].mode == "RGB"
            except BadInput:
                continue


def test_threads_decode_at_once_and_change_nothing_global() -> None:
    file, before = encoded(Image.fromarray(colours(64, 64)), "PNG"), list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        pictures = list(pool.map(lambda _: np.asarray(open_image(file)[0]), range(50)))
    assert all((picture == colours(64, 64)).all() for picture in pictures)
    assert warnings.filters == before


def test_a_missing_file_in_a_full_folder_is_told_at_once(tmp_path) -> None:
    for i in range(3000):
        (tmp_path / f"{i}.png").touch()
    before = time.process_time()
    with pytest.raises(BadInput, match="There is no file"):
        open_image(tmp_path / "5.pgn")
    assert time.process_time() - before < 1


@pytest.mark.filterwarnings("always")
def test_a_large_picture_is_refused_whether_pillow_warns_or_raises() -> None:
    with pytest.warns(Image.DecompressionBombWarning), pytest.raises(BadInput, match="12000 x 12000 pixels"):
        open_image(png_of(12_000, 12_000, b""))
