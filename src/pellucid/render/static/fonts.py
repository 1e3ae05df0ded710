"""A font with Chinese characters beside matplotlib's own, where the machine has one."""

import re
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path

from matplotlib import font_manager

LATIN = "DejaVu Sans"
FAMILIES = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Heiti SC",
    "STHeiti",
    "SimHei",
    "DengXian",
    "Noto Sans CJK JP",
    "Noto Sans CJK TC",
    "Droid Sans Fallback",
    "Arial Unicode MS",
    "Noto Serif CJK SC",
    "Songti SC",
    "SimSun",
    "AR PL UMing CN",
)
_FILES = re.compile(
    r"cjk|notosanssc|sourcehansans|wqy|pingfang|msyh|simhei|simsun|deng|droidsansfallback|hiragino", re.IGNORECASE
)
_HAN = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")


@cache
def cjk() -> str | None:
    """Family name of a font with Chinese characters, or None; fonts newer than matplotlib's own list count."""
    found = _known()
    if found is None:
        for file in font_manager.findSystemFonts():
            if _FILES.search(Path(file).name.replace("-", "").replace("_", "")):
                with suppress(RuntimeError, OSError, ValueError):  # a file that is no font after all
                    font_manager.fontManager.addfont(file)
        found = _known()
    return found


def families() -> list[str]:
    """What `font.family` has to be; each character takes the first font that has it."""
    chinese = cjk()
    return [LATIN, chinese] if chinese else [LATIN]


def has_han(words: str) -> bool:
    """Whether matplotlib's own font lacks characters of these words for being Chinese, Japanese or Korean."""
    return _HAN.search(words) is not None


def language(wanted: str) -> str:
    """The language that can be drawn: `wanted`, or English where no font has Chinese characters (said once)."""
    if wanted != "zh" or cjk() is not None:
        return wanted
    _say_missing()
    return "en"


@cache
def _say_missing() -> None:
    warnings.warn(
        "No font with Chinese characters was found, so pictures have English words. "
        "Install one, for example the package fonts-noto-cjk.",
        stacklevel=2,
    )


def _known() -> str | None:
    names = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in FAMILIES if name in names), None)
