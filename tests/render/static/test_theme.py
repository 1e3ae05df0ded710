import pytest
from matplotlib.colors import to_rgb

from pellucid.core.errors import BadSetting
from pellucid.core.text import Text
from pellucid.render.static.theme import CURVES, THEMES, Style, theme_named


def luminance(colour):
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", THEMES)
def test_words_read_well_on_paper(name):
    theme = THEMES[name]
    assert contrast(theme.ink, theme.paper) > 12
    assert contrast(theme.muted, theme.paper) > 4.5
    assert contrast(theme.muted, theme.panel) > 4.5


@pytest.mark.parametrize("colour", CURVES)
def test_curves_read_well_on_both_papers(colour):
    assert all(contrast(colour, theme.paper) > 2.4 for theme in THEMES.values())


def test_unknown_themes_are_refused():
    with pytest.raises(BadSetting, match="light, dark"):
        theme_named("sepia")


def test_a_style_speaks_its_language():
    assert Style(THEMES["light"], "zh").say(Text("a", "b")) == "b"
