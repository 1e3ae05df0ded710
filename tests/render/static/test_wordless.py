import numpy as np

from pellucid.core.text import Text
from pellucid.render.static.wordless import wordless
from tests.results.samples import KINDS, attribution


def test_every_kind_fills_its_paper():
    for make in KINDS.values():
        light, words = wordless(make(), "light", "en")
        dark, _ = wordless(make(), "dark", "en")
        assert light.size == dark.size and words.title
        inked = (np.asarray(light) != 255).any(-1)
        assert inked[: light.height // 2].any() and inked[light.height // 2 :].any()


def test_the_words_leave_the_notes_out():
    _, words = wordless(attribution(notes=(Text("Mind the gap."),)), "light", "en")
    assert "Mind the gap." not in words.caption and words.caption.startswith("Colours: 0 to 0.882")
