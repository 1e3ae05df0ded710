"""Where the parts of a comparison come from."""

from pellucid.core.text import Text
from pellucid.lens.comparing.words import PARTS, Signed
from pellucid.results import Table


def test_every_part_speaks_both_languages():
    for words in PARTS.values():
        for text in (words.title, words.question, words.shows, words.cannot, words.check):
            assert text.en and text.zh and text.en != text.zh


def test_a_result_says_what_was_compared_and_what_its_reader_must_know():
    note = Text("b: random weights.", "b：随机权重。")
    made = Signed(["a", "b"], code="pl.compare(a, b)", seed=3, notes=(note,))(Table(notes=(note,)), "weights")
    assert made.provenance.model == "a · b" and made.provenance.method == "compare_weights"
    assert made.provenance.seed == 3 and made.code == "pl.compare(a, b)" and made.notes == (note,)
    assert Signed(["a"])(Table(), "pictures", method="x", words=PARTS["final"]).provenance.words is PARTS["final"]
