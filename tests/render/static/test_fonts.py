import warnings

import pytest

from pellucid.render.static import fonts
from pellucid.render.static.draw import draw
from tests.results import samples


@pytest.fixture
def no_chinese_font(monkeypatch):
    monkeypatch.setattr(fonts, "cjk", lambda: None)
    fonts._say_missing.cache_clear()
    yield
    fonts._say_missing.cache_clear()


@pytest.fixture
def chinese_font(monkeypatch):
    monkeypatch.setattr(fonts, "cjk", lambda: "Some Han Font")


def test_without_a_chinese_font_words_are_english_and_it_is_said_once(no_chinese_font):
    with pytest.warns(UserWarning, match="fonts-noto-cjk") as seen:
        figure = draw(samples.attribution(), lang="zh")
    assert len(seen) == 1
    assert any("probability 0.71" in text.get_text() for text in figure.texts)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw(samples.matrix(), lang="zh")


def test_chinese_labels_without_a_font_do_not_warn(no_chinese_font):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw(samples.matrix(rows=tuple("甲乙丙丁")))
    assert figure.axes


def test_with_a_font_nothing_is_said(chinese_font):
    assert fonts.language("zh") == "zh"
    assert fonts.families() == ["DejaVu Sans", "Some Han Font"]


def test_english_needs_no_font(no_chinese_font):
    assert fonts.language("en") == "en"
    assert fonts.families() == ["DejaVu Sans"]


def test_a_font_that_matplotlib_had_not_listed_is_found(monkeypatch):
    added = []
    known = iter([None, "WenQuanYi Micro Hei"])
    monkeypatch.setattr(fonts, "_known", lambda: next(known))
    monkeypatch.setattr(fonts.font_manager, "findSystemFonts", lambda: ["/f/wqy-microhei.ttc", "/f/Comic.ttf"])
    monkeypatch.setattr(fonts.font_manager.fontManager, "addfont", added.append)
    assert fonts.cjk.__wrapped__() == "WenQuanYi Micro Hei"
    assert added == ["/f/wqy-microhei.ttc"]


def test_a_broken_font_file_is_passed_over(monkeypatch):
    def broken(path):
        raise RuntimeError(path)

    monkeypatch.setattr(fonts, "_known", lambda: None)
    monkeypatch.setattr(fonts.font_manager, "findSystemFonts", lambda: ["/f/wqy-microhei.ttc"])
    monkeypatch.setattr(fonts.font_manager.fontManager, "addfont", broken)
    assert fonts.cjk.__wrapped__() is None


@pytest.mark.parametrize(("words", "expected"), [("ResNet", False), ("归因", True), ("ＡＢ", True), ("é ×", False)])
def test_which_words_need_it(words, expected):
    assert fonts.has_han(words) is expected
