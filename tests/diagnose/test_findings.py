"""Findings: listed, told, tabled and saved."""

import json

import pytest

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


@pytest.mark.parametrize("ending", ["png", "html", "json"])
def test_it_is_saved(found, tmp_path, ending):
    path = found.save(tmp_path / f"f.{ending}", lang="zh")
    assert path.stat().st_size > 500
    if ending == "json":
        assert json.loads(path.read_text())
