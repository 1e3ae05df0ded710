"""Findings for other programs."""

import json

import pytest

from pellucid.core.text import Text
from pellucid.diagnose.finding import Finding, NotMade
from pellucid.diagnose.findings import Findings
from pellucid.diagnose.written import as_json, as_markdown
from pellucid.results.table import Table


@pytest.fixture
def findings():
    words = (
        Text("Dead", "失活"),
        Text("All zero.", "全为零。"),
        Text("It stays.", "不再更新。"),
        Text("Lower.", "降低。"),
    )
    title, said, why, advice = words
    one = Finding("dead_units", "high", "layer4", said, Table(), title, why, advice)
    lacking = NotMade("overfitting", Text("Over-fitting", "过拟合"), Text("needs a run", "需要训练记录"), ("run",))
    return Findings([one], [lacking], ["input_fit"], title="Net")


def test_json_has_names_that_are_the_same_in_every_language(findings):
    en, zh = (json.loads(as_json(findings, lang)) for lang in ("en", "zh"))
    assert en["findings"] == [
        {
            "check": "dead_units",
            "severity": "high",
            "place": "layer4",
            "title": "Dead",
            "measured": "All zero.",
            "why": "It stays.",
            "try": "Lower.",
        }
    ]
    assert zh["findings"][0]["check"] == "dead_units" and zh["findings"][0]["title"] == "失活"
    assert en["passed"] == ["input_fit"] and zh["not_made"][0]["lacks"] == ["run"] and en["model"] == "Net"


def test_markdown_is_read_as_it_is(findings):
    assert as_markdown(findings, "en").decode().split("\n\n")[:5] == [
        "# Net",
        "## [high] Dead · `layer4`",
        "All zero.",
        "*Why it matters:* It stays.",
        "*Try:* Lower.",
    ]
    assert "## [严重] 失活 · `layer4`" in as_markdown(findings, "zh").decode()
    assert "Not made (needs a run): Over-fitting." in as_markdown(findings, "en").decode()
