"""The one decoder of pictures: everything is checked before a pixel is decoded."""

import io
from collections.abc import Generator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from pellucid.core.errors import BadInput, nearest_names, quoted
from pellucid.core.text import Text

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
MAX_PIXELS = 50_000_000
MAX_ASPECT = 200
_ORIENTATION = 0x0112
_MOST_BESIDE = 2_000  # names that are compared with one that does not exist
_SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N")

Source = str | Path | bytes | Image.Image


def open_image(
    source: Source, *, max_pixels: int = MAX_PIXELS, exif: bool = True
) -> tuple[Image.Image, tuple[Text, ...]]:
    """Decode one picture to RGB.

    Size and shape are read from the header and checked first, so a small file that claims an enormous picture costs
    nothing. Only the formats in `FORMATS` are tried, whatever the file is called. Several threads may decode at once:
    nothing global is changed, so Pillow's own warning of pictures beyond 89 million pixels is not silenced.

    Args:
        source: a path, the bytes of a file, or a PIL picture.
        max_pixels: larger pictures are refused.
        exif: turn the picture as its EXIF orientation says.
    Returns:
        The RGB picture, and what the reader must know of how it was made.
    Raises:
        BadInput: missing, empty, not a picture, damaged, too large or too thin.
    """
    if isinstance(source, Image.Image):
        name = f"the {source.mode} picture of {source.width} x {source.height}"
        with _said_of(name):
            return _to_rgb(source, name, max_pixels, exif)
    name, stream = _stream(source)
    with stream, _said_of(name), Image.open(stream, formats=FORMATS) as picture:
        return _to_rgb(picture, name, max_pixels, exif)


def as_file(path: Path) -> Path:
    """`path`, if it is a file that can be read and is not empty.

    Raises:
        BadInput: there is no such file (names like it are told), it is a folder, or it is empty.
    """
    if path.is_dir():
        raise BadInput(
            Text(f"'{path}' is a folder, not a file.", f"'{path}' 是文件夹，不是文件。"),
            hint=Text("give one file, or a list of files for a batch", "请给一个文件，或以文件列表组成一批"),
        )
    if not path.exists():
        beside = [one.name for one in islice(path.parent.iterdir(), _MOST_BESIDE)] if path.parent.is_dir() else []
        near = quoted(nearest_names(path.name, sorted(beside)))
        raise BadInput(
            Text(f"There is no file '{path}'.", f"没有文件 '{path}'。"),
            nearest=near,
            hint=Text("check the path; it is relative to the current folder", "请检查路径；相对路径以当前文件夹为准"),
        )
    if not path.is_file():
        raise BadInput(Text(f"'{path}' is not an ordinary file.", f"'{path}' 不是普通文件。"))
    if path.stat().st_size == 0:
        raise BadInput(Text(f"The file '{path}' is empty.", f"文件 '{path}' 是空的。"))
    return path


def _stream(source: str | Path | bytes) -> tuple[str, Any]:
    if isinstance(source, bytes):
        if not source:
            raise BadInput(Text("The picture is empty: 0 bytes.", "图片是空的：0 字节。"))
        return f"the picture of {len(source)} bytes", io.BytesIO(source)
    path = as_file(Path(source))
    try:
        return f"'{path}'", path.open("rb")
    except OSError as error:
        raise BadInput(
            Text(f"'{path}' cannot be opened: {error.strerror}.", f"无法打开 '{path}'：{error.strerror}。")
        ) from error


@contextmanager
def _said_of(name: str) -> Generator[None]:
    try:
        yield
    except BadInput:
        raise
    except UnidentifiedImageError as error:
        raise BadInput(
            Text(f"{_start(name)} is not a picture that is read here.", f"{_chinese(name)} 不是此处能读取的图片。"),
            hint=Text(
                f"the formats are {', '.join(FORMATS)}, told by content and not by the name of the file",
                f"支持的格式为 {', '.join(FORMATS)}，由内容而非文件名判断",
            ),
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(name, str(error)) from error
    except Exception as error:  # a decoder fed with damaged bytes raises almost any class
        raise BadInput(
            Text(f"{_start(name)} is damaged or cut short: {error}.", f"{_chinese(name)} 已损坏或不完整：{error}。"),
            hint=Text("save the picture again and try that file", "请重新保存图片再试"),
        ) from error


def _to_rgb(picture: Image.Image, name: str, max_pixels: int, exif: bool) -> tuple[Image.Image, tuple[Text, ...]]:
    width, height = picture.size
    if width * height > max_pixels:
        raise _too_large(name, f"{width} x {height} pixels, more than {max_pixels:,}")
    if width == 0 or height == 0:
        raise BadInput(
            Text(
                f"{_start(name)} has no pixels: {width} x {height}.", f"{_chinese(name)} 没有像素：{width} x {height}。"
            )
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise BadInput(
            Text(
                f"{_start(name)} is {width} x {height}, longer than {MAX_ASPECT} times its breadth.",
                f"{_chinese(name)} 的大小为 {width} x {height}，长度超过宽度的 {MAX_ASPECT} 倍。",
            ),
            hint=Text("cut out the part to look at", "请裁出要看的部分"),
        )
    notes: list[Text] = []
    if getattr(picture, "is_animated", False):
        notes.append(Text("The file holds several frames; the first is used.", "该文件含有多帧，这里使用第一帧。"))
    picture.load()
    if exif and picture.getexif().get(_ORIENTATION, 1) not in (0, 1):
        picture = ImageOps.exif_transpose(picture)
        notes.append(Text("Turned upright as its EXIF orientation says.", "已按 EXIF 方向信息转正。"))
    return _without_alpha(picture, name, notes), tuple(notes)


def _without_alpha(picture: Image.Image, name: str, notes: list[Text]) -> Image.Image:
    if picture.mode in _SIXTEEN_BIT or (picture.mode == "I" and picture.format == "PNG"):
        notes.append(Text("16-bit gray, brought to 8 bits by dividing by 257.", "16 位灰度图，已除以 257 转为 8 位。"))
        levels = np.rint(np.asarray(picture).astype(np.float64) / 257).clip(0, 255)
        return Image.fromarray(levels.astype(np.uint8)).convert("RGB")
    if picture.mode in ("I", "F"):
        raise BadInput(
            Text(
                f"{_start(name)} has 32 bits per pixel (mode {picture.mode}); what is black and white is not stated.",
                f"{_chinese(name)} 每像素 32 位（模式 {picture.mode}）；没有说明何为黑、何为白。",
            ),
            hint=Text(
                "bring it to 8 bits per channel first, or pass a tensor as the model takes it",
                "请先转换为每通道 8 位，或传入模型所用的张量",
            ),
        )
    if picture.mode == "CMYK":
        notes.append(
            Text(
                "CMYK colours, brought to RGB without a colour profile.",
                "CMYK 颜色，已在不使用色彩配置文件的情况下转为 RGB。",
            )
        )
    if picture.has_transparency_data:
        layered = picture.convert("RGBA")
        if np.asarray(layered)[..., 3].min() < 255:
            notes.append(Text("Transparent parts lie on white.", "透明部分以白色为底。"))
        return Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered).convert("RGB")
    return picture.convert("RGB") if picture.mode != "RGB" else picture.copy()


def _too_large(name: str, why: str) -> BadInput:
    return BadInput(
        Text(f"{_start(name)} is too large: {why.rstrip('.')}.", f"{_chinese(name)} 过大：{why.rstrip('.')}。"),
        hint=Text(
            "scale the picture down; the network sees a small copy anyway",
            "请缩小图片；网络看到的本来也只是缩小后的版本",
        ),
    )


def _start(name: str) -> str:
    return name[:1].upper() + name[1:]


def _chinese(name: str) -> str:
    return name if name.startswith("'") else "图片"
