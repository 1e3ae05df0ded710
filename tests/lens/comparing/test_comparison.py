"""What a comparison gave, by name and as a report."""

import pytest

from pellucid.core.errors import BadRequest
from pellucid.core.text import Text
from pellucid.lens.comparing.comparison import Comparison
from pellucid.results import Table
from pellucid.results.failure import Failure

ROW = Table(rows=({"a": 1.0},), columns={"a": Text("a")})
MADE = Comparison(
    ["one", "two"],
    {"summary": [ROW], "weights": [ROW, ROW], "saliency": [Failure("saliency", "no reason")], "depth": []},
    {"summary": "summary", "weights": "weights", "saliency": "pictures"},
    [Text("They differ.", "有差别。")],
)


def test_parts_have_names():
    assert list(MADE) == ["summary", "weights", "saliency"] and len(MADE) == 3 and "depth" not in MADE
    assert MADE["summary"] == ROW and MADE["weights"] == (ROW, ROW)
    assert len(MADE.results) == 3 and len(MADE.failures) == 1
    with pytest.raises(BadRequest, match="nearest   'weights'"):
        MADE["weight"]


def test_it_tells_what_was_found():
    assert MADE.describe() == "They differ." and MADE.describe("zh") == "有差别。"
    assert repr(MADE) == "Comparison(one, two: summary, weights, saliency)"


def test_it_is_saved_as_one_report(tmp_path):
    MADE.save(tmp_path / "x.html")
    page = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert "one · two" in page and page.index("Which to choose") < page.index("Weights")
    MADE.save(tmp_path / "zh.html", lang="zh", title="比较")
    assert "如何选择" in (tmp_path / "zh.html").read_text(encoding="utf-8")
    with pytest.raises(BadRequest, match=r"must end in \.html"):
        MADE.save(tmp_path / "x.png")


def test_it_is_shown(monkeypatch):
    seen = []
    monkeypatch.setattr(Table, "show", lambda self, *, lang: seen.append(lang))
    MADE.show(lang="zh")
    assert seen == ["zh"] * 3


def test_what_could_not_be_made_is_the_last_chapter(tmp_path):
    MADE.save(tmp_path / "x.html")
    page = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert page.index("Weights") < page.index("What could not be made") < page.index("no reason")


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BadRequest, match="cannot be written"):
        MADE.save(tmp_path / "file" / "x.html")
