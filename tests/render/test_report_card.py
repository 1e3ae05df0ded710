from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pellucid.core.errors import NotApplicable
from pellucid.core.provenance import TargetInfo
from pellucid.core.text import Text
from pellucid.render.report_card import Card, Picture, _packed, origin, when
from pellucid.results import Gallery
from pellucid.results.base import Base
from pellucid.results.failure import Failure
from tests.results.samples import attribution, graph, provenance


def test_a_real_picture_is_kept_whole():
    drawn = Picture.of(attribution(), "en")
    light, dark = (np.asarray(Image.open(BytesIO(data)).convert("RGB")) for data in (drawn.light, drawn.dark))
    assert light.shape == dark.shape == (light.shape[0], light.shape[1], 3)
    assert (light.shape[1] // 2, light.shape[0] // 2) == (drawn.width, drawn.height)
    assert tuple(light[0, 0]) == (255, 255, 255) and tuple(dark[0, 0]) == (0x17, 0x18, 0x1C)
    assert "0 to 0.882" in drawn.caption


def test_photographs_are_small_and_look_the_same(monkeypatch):
    draw = np.random.default_rng(0)
    rough = np.asarray(Image.fromarray(draw.integers(0, 255, (12, 12, 3), dtype=np.uint8)).resize((96, 96))) / 255.0
    images = tuple(np.clip(rough + draw.normal(0, 0.03, rough.shape), 0, 1) for _ in range(6))
    shown = Gallery(values=np.zeros(6, np.float32), axes=("image",), images=images, captions=("photograph",) * 6)
    small = Picture.of(shown, "en")
    monkeypatch.setattr("pellucid.render.report_card._photographs", _packed)
    whole = Picture.of(shown, "en")
    assert len(small.light) < len(whole.light) / 3 and len(small.dark) < len(whole.dark) / 3
    for mine, kept in ((small.light, whole.light), (small.dark, whole.dark)):
        one, other = (np.asarray(Image.open(BytesIO(data)).convert("RGB"), np.float32) for data in (mine, kept))
        assert np.abs(one - other).mean() < 4 and np.abs(one[0, 0] - other[0, 0]).max() <= 2


def test_a_tall_picture_scrolls():
    assert 'class="tall" tabindex="0"' in Picture(b"", b"", "", 300, 4000).html("alt", "en")
    assert 'class="tall"' not in Picture(b"", b"", "", 300, 400).html("alt", "en")


def test_a_broad_picture_keeps_its_size_on_a_phone():
    assert 'class="broad" tabindex="0"' in Picture(b"", b"", "", 1000, 400).html("alt", "en")
    assert 'class="tall broad"' in Picture(b"", b"", "", 1000, 4000).html("alt", "en")


def test_a_picture_that_would_be_shrunk_beyond_reading_scrolls():
    assert 'class="broad vast" tabindex="0"' in Picture(b"", b"", "", 1600, 400).html("alt", "en")
    assert "vast" not in Picture(b"", b"", "", 1100, 400).html("alt", "en")


def test_texts_take_the_whole_width():
    base = Base("tokens", names=(("a", " cat"),))
    text = attribution(values=np.ones((1, 2), np.float32), axes=("batch", "token"), base=base, reduction="none")
    assert "figures beside" in Card("1.1", "a", [attribution(), attribution()]).html("en")
    assert "figures beside" not in Card("1.1", "a", [text, text]).html("en")


def test_names():
    assert Card("1.1", "a", [attribution()]).name("zh") == "Grad-CAM 类激活热力图"
    assert Card("1.1", "a", [Failure("lime", "none")]).name("en") == "lime"
    assert Card("1.1", "a", [graph(provenance=None)]).name("en") == "Graph"


def test_the_origin_is_one_line():
    made = provenance(targets=tuple(TargetInfo(name, None, 1.0) for name in "abcde"), weights="3f2a")
    line = origin(made, "en")
    assert "weights 3f2a" in line and "<bdi>2 more</bdi>" in line and "host" not in line and "\n" not in line


@pytest.mark.parametrize(
    ("date", "said"),
    [
        ("2026-11-23T04:20:31+00:00", "2026-11-23 04:20 UTC"),
        ("2026-01-01", "2026-01-01"),
        ("", ""),
        ("today", "today"),
    ],
)
def test_when(date, said):
    assert when(date) == said


def test_a_failure_is_told_in_the_language_of_the_report():
    error = NotApplicable(Text("no grid", "没有网格"), nearest="'a'", hint="ablation_cam")
    card = Card("1.1", "a", [Failure("lime", "no grid", error=error)])
    assert '<dt>Reason</dt><dd lang="en">no grid</dd>' in card.html("en")
    told = card.html("zh")
    assert '<dd lang="zh-Hans">没有网格</dd>' in told and "no grid" not in told
    assert '<dd lang="en">ablation_cam</dd>' in told
