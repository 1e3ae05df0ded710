"""Findings: listed, told, tabled and saved."""

import json

import pytest

from pellucid.core.errors import BadRequest
from tests.diagnose.faults import FAULTS


@pytest.fixture(scope="module")
def found():
    return FAULTS["sigmoid depth"][1](0, 2).found()


def test_it_is_a_sequence_with_the_worst_first(found):
    assert len(found) == len(list(found)) and found[0] in found.high
    order = ["high", "medium", "low", "info"]
    assert [order.index(one.severity) for one in found] == sorted(order.index(one.severity) for one in found)


def test_what_was_not_made_is_said_in_both_languages(found):
    lacking = {one.check: one.lacks for one in found.not_made}
    assert lacking["learning_rate"] == ("run",)
    assert "watched run" in found.describe("en") and "训练记录" in found.describe("zh")
    assert all(one.reason.zh for one in found.not_made)


@pytest.mark.parametrize("ending", ["png", "html", "json", "md"])
def test_it_is_saved(found, tmp_path, ending):
    path = found.save(tmp_path / f"f.{ending}", lang="zh")
    assert path.stat().st_size > 500
    if ending == "json":
        assert [one["severity"] for one in json.loads(path.read_text())["findings"]] == [one.severity for one in found]


def test_other_endings_are_refused(found, tmp_path):
    with pytest.raises(BadRequest, match=r"unknown ending '\.npz'") as caught:
        found.save(tmp_path / "f.npz")
    assert ".md" in caught.value.nearest and not list(tmp_path.iterdir())


def test_the_picture_says_how_many_checks_there_were(found):
    told = found.table()
    assert len(told.rows) == len(found) and [one.en for one in told.notes] == found.told()[:1]
