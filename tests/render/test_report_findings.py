import re
from dataclasses import dataclass, field, replace
from typing import ClassVar

import pytest

from pellucid.core.text import Text
from pellucid.render.report import save_report
from pellucid.render.report_brief import brief
from pellucid.render.report_findings import FindingCard, about_checks, badge
from pellucid.results import Result
from tests.render.test_report import EVIL, Page, drawn, saved  # noqa: F401 - drawn is a fixture
from tests.results.samples import attribution, provenance, series


@dataclass
class Fault:
    check: str = "dead_units"
    severity: str = "high"
    place: str = "layer4"
    said: Text = Text("100% are zero.", "100% 为零。")
    evidence: Result = field(default_factory=lambda: series(notes=(Text("100% are zero.", "100% 为零。"),)))
    title: Text = Text("Dead units", "失活的单元")
    why: Text = Text("They never move again.", "再也不会更新。")
    advice: Text = Text("A lower rate.", "降低学习率。")

    def where(self, lang="en"):
        return {"en": "the training", "zh": "训练过程"}[lang] if self.place == "run" else self.place


@dataclass
class Lack:
    title: Text
    reason: Text


@dataclass
class Cost:
    forwards: int = 2
    backwards: int = 1
    seconds: float = 0.5


class Faults(list[Fault]):
    not_made = (
        Lack(Text("Collapsed attention", "注意力塌缩"), Text("no attention", "没有注意力")),
        Lack(Text("Empty attention", "注意力为空"), Text("no attention", "没有注意力")),
    )
    passed_titles: ClassVar = (Text("Exploding gradient", "梯度爆炸"), Text("Over-confident", "过于自信"))
    notes: ClassVar = (Text("Few examples.", "样本很少。"),)
    title, code, cost = "Net", "lens.diagnose(x)", Cost()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_card_says_what_is_wrong_where_why_and_what_to_try_once(drawn, tmp_path, lang):  # noqa: F811
    one = Fault()
    page = Page(saved(tmp_path, [Faults([one])], lang=lang))
    for words in (one.said, one.why, one.advice):
        assert page.words.count(words.say(lang)) == 1
    assert "layer4" in page.words and "lens.diagnose(x)" in page.words
    assert len(page.all("article")) == 1 and len(page.all("img")) == 2
    assert page.words.count(Faults.notes[0].say(lang)) == 2  # in the brief, and where the checks are
    for words in (*Faults.passed_titles, Faults.not_made[0].title):
        assert words.say(lang) in page.words
    assert page.words.count(Faults.not_made[0].reason.say(lang)) == 1


def test_severity_is_a_word_a_colour_and_a_shape():
    shapes = [re.search(r'd="([^"]+)"', badge(one, "en"))[1] for one in ("high", "medium", "low", "info")]
    assert len(set(shapes)) == 4
    assert 'class="severity high"' in badge("high", "zh") and "3 严重" in badge("high", "zh", 3)


def test_findings_and_trainings_have_chapters_before_the_pictures(drawn, tmp_path):  # noqa: F811
    class Training:
        def pictures(self):
            return [series(provenance=provenance(method="curves", family="gradient"))]

    page = Page(saved(tmp_path, [attribution(), Training(), Faults([Fault()])]))
    assert [one["href"] for one in page.all("a")][1:7] == [
        "#chapter-1",
        "#card-1-1-dead_units",
        "#chapter-2",
        "#card-2-1-curves",
        "#chapter-3",
        "#card-3-1-grad_cam",
    ]


def test_findings_alone_are_cards_as_well(drawn, tmp_path):  # noqa: F811
    page = Page(saved(tmp_path, [Fault(), Fault(severity="low")]))
    assert len(page.all("article")) == 2 and "1 high" in page.words and "1 low" in page.words


def test_the_brief_counts_them_and_their_cost():
    faults = Faults([Fault(), Fault(), Fault(severity="medium")])
    said = re.sub(r"<[^>]+>", "", brief([faults, *faults, attribution()], "", "en"))
    assert "Findings:  2 high;  1 medium." in said and "1 picture by 1 method" in said
    assert "3 forward passes and 1 backward pass" in said and "Nothing calls" not in said


def test_that_nothing_was_found_is_said(drawn, tmp_path):  # noqa: F811
    page = Page(saved(tmp_path, [Faults()]))
    assert "2 checks found nothing wrong." in page.words and "Net" in page.words and not page.all("article")
    assert "2 项检查均未发现问题" in brief([Faults()], "", "zh")
    none = Faults()
    none.passed_titles = ()
    assert "No check could be made." in brief([none], "", "en")


def test_places_that_are_no_addresses_are_said_in_words():
    card = FindingCard("1.1", "card", Fault(place="run"))
    assert "训练过程" in about_checks([], [card], "zh")
    assert "<code" not in about_checks([], [FindingCard("1.1", "card", Fault(place=""))], "en")


def test_names_are_text(drawn, tmp_path):  # noqa: F811
    evil = Text(EVIL, EVIL)
    one = replace(Fault(), place=EVIL, title=evil, said=evil, why=evil, advice=evil, check=EVIL)
    faults = Faults([one])
    faults.not_made, faults.passed_titles, faults.code = (Lack(evil, evil),), (evil,), EVIL
    page = Page(save_report([faults], tmp_path / "a.html").read_text(encoding="utf-8"))
    assert not page.all("script") and not [one for one in page.all("img") if "onerror" in one]
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert {one["href"][1:] for one in page.all("a")} <= set(names)
