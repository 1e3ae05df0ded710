import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from pellucid.core.errors import BadRequest, BadSetting, NotApplicable
from pellucid.core.provenance import TargetInfo
from pellucid.core.text import Text
from pellucid.render.report import save_report
from pellucid.render.report_words import WORDS
from pellucid.render.static.page import Words
from pellucid.results.failure import Failure
from tests.results.samples import KINDS, attribution, provenance, series, table
from tests.results.samples import WORDS as METHOD

EVIL = "</style><script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202egpj"


class Page(HTMLParser):
    """Every element with its attributes, and the words between."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words = [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        if self.elements and self.elements[-1][0] != "style":
            self.words += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def drawn(monkeypatch):
    """Pictures that cost nothing; returns what was asked to be drawn."""
    asked = []

    def wordless(result, theme, lang):
        asked.append((theme, lang))
        return Image.new("RGB", (400, 300), "white" if theme == "light" else "black"), Words(
            "", caption="Colours: as they are."
        )

    monkeypatch.setattr("pellucid.render.static.wordless.wordless", wordless)
    return asked


def saved(tmp_path, results, **how):
    return save_report(results, tmp_path / "report.html", **how).read_text(encoding="utf-8")


def test_one_file_without_script_or_network(drawn, tmp_path):
    text = saved(tmp_path, [make() for make in KINDS.values()])
    page = Page(text)
    assert not page.all("script") and not page.all("link") and not page.all("iframe")
    assert all(one["src"].startswith("data:image/webp;base64,") for one in page.all("img"))
    assert "http" not in re.sub(r"http-equiv", "", text)
    assert not [
        attributes
        for _, attributes in page.elements
        if any(name == "style" or name.startswith("on") for name in attributes)
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_the_policy_allows_this_style_alone(drawn, tmp_path):
    text = saved(tmp_path, [attribution()])
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    policy = next(
        one["content"] for one in Page(text).all("meta") if one.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert b64encode(sha256(style.encode()).digest()).decode() in policy
    assert "unsafe" not in policy and "url(" not in style and "@import" not in style


def test_names_are_text(drawn, tmp_path):
    target = TargetInfo(EVIL, (0,), 1.0, 0.5, "predicted")
    evil = attribution(
        layer=EVIL,
        targets=(target,),
        notes=(Text(EVIL),),
        provenance=provenance(model=EVIL, code=EVIL, layer=EVIL, targets=(target,)),
    )
    wrong = Failure(EVIL, EVIL, EVIL, error=NotApplicable(EVIL, nearest=EVIL, hint=EVIL))
    text = saved(
        tmp_path,
        [evil, series(curves={EVIL: np.ones(4, "f4")}), table(columns={"name": Text(EVIL)}), wrong],
        title=EVIL,
    )
    page = Page(text)
    assert not page.all("script") and not [one for one in page.all("img") if "onerror" in one]
    assert text.count("</style>") == 1
    assert "\u202e" not in text and r"\u202egpj" in page.words
    assert EVIL.replace("\u202e", r"\u202e") in page.words


def test_surrogates_and_controls_can_be_written(drawn, tmp_path):
    name = "conv\ud800\x00\x1b[31m\nend"
    text = saved(tmp_path, [attribution(layer=name, provenance=provenance(layer=name))])
    assert r"conv\ud800\x00\x1b[31m\nend" in Page(text).words


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_card_says_everything(drawn, tmp_path, lang):
    result = attribution(notes=(Text("Mind the gap.", "小心间隙。"),))
    words = Page(saved(tmp_path, [result], lang=lang)).words
    bare = result.with_(provenance=provenance(words=None))
    said = [METHOD.title, METHOD.question, METHOD.shows, METHOD.cannot, METHOD.check, result.notes[0]]
    assert all(one.say(lang) in words for one in said)
    assert bare.describe(lang) in words
    assert METHOD.paper in words and result.code in words and "layer4" in words and "2.14" in words
    assert "tabby" in words and "0.71" in words and "resnet18" in words


def test_chinese_pages_are_chinese(drawn, tmp_path):
    page = Page(saved(tmp_path, [make() for make in KINDS.values()], lang="zh"))
    assert page.all("html") == [{"lang": "zh-Hans"}]
    assert all(lang == "zh" for _, lang in drawn)
    english = [words.en for words in WORDS.values() if len(words.en) > 4 and "{" not in words.en]
    assert not [words for words in english if re.search(rf"\b{re.escape(words)}\b", page.words)]


def test_both_themes_are_drawn_and_their_size_is_stated(drawn, tmp_path):
    page = Page(saved(tmp_path, [attribution()]))
    assert [theme for theme, _ in drawn] == ["light", "dark"]
    assert [(one["class"], one["width"], one["height"]) for one in page.all("img")] == [
        ("light", "200", "150"),
        ("dark", "200", "150"),
    ]


def test_paper_is_light(drawn, tmp_path):
    style = re.search(r"<style>(.*?)</style>", saved(tmp_path, [attribution()]), re.DOTALL)[1]
    assert "figure img.dark { display: none; }" in style
    assert all(part.startswith(" screen") for part in re.split("@media", style) if "prefers-color-scheme" in part)


def test_the_page_can_be_heard(drawn, tmp_path):
    page = Page(saved(tmp_path, [make() for make in KINDS.values()]))
    assert all(one["alt"] for one in page.all("img"))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names))
    assert {one["href"][1:] for one in page.all("a")} <= set(names)


def test_contents_lead_to_cards_by_family(drawn, tmp_path):
    results = [series(provenance=provenance(method="gradient_flow", family="gradient")), attribution()]
    page = Page(saved(tmp_path, results))
    assert [one["href"] for one in page.all("a")][1:] == [
        "#chapter-1",
        "#card-1-1-grad_cam",
        "#chapter-2",
        "#card-2-1-gradient_flow",
    ]


def test_results_of_one_method_stand_side_by_side(drawn, tmp_path):
    pair = (attribution(), attribution(targets=(TargetInfo("lynx", (287,), 3.0, 0.1, "asked"),)))
    page = Page(saved(tmp_path, [pair, table(), table()]))
    assert [one["class"] for one in page.all("div") if one.get("class", "").startswith("figures")] == [
        "figures beside",
        "figures",
    ]
    assert len(page.all("article")) == 2
    assert page.words.count(METHOD.shows.en) == 2


def test_chapters_of_ones_own(drawn, tmp_path):
    page = Page(saved(tmp_path, {Text("Koala", "考拉"): [attribution()], "macaw": [attribution()]}, lang="zh"))
    assert "考拉" in page.words and "macaw" in page.words and len(page.all("article")) == 2


def test_failures_say_what_to_try(drawn, tmp_path):
    error = NotApplicable("no layer keeps the grid", nearest="'conv1'", hint="name a layer")
    failure = Failure("grad_cam", "no layer keeps the grid", "pl.grad_cam()(model, x)", METHOD, error)
    words = Page(saved(tmp_path, [attribution(), failure])).words
    for said in (METHOD.question.en, "no layer keeps the grid", "'conv1'", "name a layer", "pl.grad_cam()(model, x)"):
        assert said in words
    assert "1 could not be made" in words


def test_numbers_stand_behind_series_and_tables(drawn, tmp_path):
    long = series(curves={"loss": np.arange(1000, dtype="f4")}, positions=(), marks={})
    page = Page(saved(tmp_path, [long, table()]))
    assert len(page.all("details")) == 2
    assert "200 of 1,000 rows" in page.words and "999" in page.words and "picture 3×3" in page.words


def test_a_heavy_report_says_so(drawn, tmp_path, monkeypatch):
    monkeypatch.setattr("pellucid.render.report.LARGE", 1000)
    assert "This report has" in Page(saved(tmp_path, [attribution()])).words


def test_nothing_is_said_to_be_nothing(drawn, tmp_path):
    assert WORDS["nothing"].en in Page(saved(tmp_path, [])).words


def test_bad_requests(tmp_path):
    with pytest.raises(BadSetting, match="no language 'fr'"):
        save_report([], tmp_path / "a.html", lang="fr")
    with pytest.raises(BadRequest, match="not str"):
        save_report(["cat"], tmp_path / "a.html")
    assert not list(tmp_path.iterdir())


def test_a_failed_drawing_leaves_the_old_report(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")
    monkeypatch.setattr("pellucid.render.static.wordless.wordless", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_report([attribution()], path)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def luminance(colour):
    parts = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("theme", [0, 1])
def test_words_can_be_read_on_every_ground(drawn, tmp_path, theme):
    blocks = re.findall(r":root \{(.*?)\}", saved(tmp_path, [attribution()]), re.DOTALL)
    named = dict(re.findall(r"--([\w-]+): (#\w{6})", blocks[theme]))
    for ink, grounds in {
        "ink": ("page", "paper", "panel", "warn-panel"),
        "muted": ("page", "paper", "panel"),
        "accent": ("page", "paper"),
        "warn": ("page", "paper"),
        "high": ("page", "paper"),
        "low": ("page", "paper"),
    }.items():
        for ground in grounds:
            low, high = sorted(luminance(named[name]) for name in (ink, ground))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, ground)
