"""What a report says of data sets."""

import re
from pathlib import Path
from typing import Any

import pellucid
from pellucid.render.report_data import about_data, data_sets
from pellucid.render.report_words import COVERS
from pellucid.results.failure import Failure
from tests.results.samples import series, table


def data(missing: int = 0, **changes: Any) -> dict[str, Any]:
    """What a result states of a data set of a hundred samples."""
    left = tuple((f"<{i}>.jpg", "not a picture") for i in range(missing))
    stated = {"name": "folder:a&b", "samples": 100, "read": 100 - missing, "left out": left, "classes": 3}
    return {**stated, "fingerprint": "0123456789abcdef" * 4, "told apart by": "names", **changes}


def test_each_data_set_stands_once():
    one, other = data(), data(fingerprint="f" * 64)
    items = [table().with_(facts={"data": one}), series().with_(facts={"data": one}), series(), Failure("x", "why")]
    assert data_sets(items) == [one]
    assert data_sets([*items, series().with_(facts={"data": other})]) == [one, other]
    assert about_data([series()], "en") == ""


def test_counts_and_what_is_missing_are_told_and_harmless():
    said = about_data([series().with_(facts={"data": data(2)})], "en")
    assert "98 of 100" in said and "2 (2%)" in said and "0123456789abcdef," in said
    assert "&lt;1&gt;.jpg" in said and "<1>" not in said and "a&amp;b" in said and "<details" in said


def test_nothing_missing_and_no_classes():
    said = about_data([series().with_(facts={"data": data(classes=0)})], "zh")
    assert "<details" not in said and "–" in said and "100 个中的 100 个" in said


def test_a_long_list_is_cut_and_says_so():
    said = about_data([series().with_(facts={"data": data(999, samples=5000)})], "en")
    assert "200 of 999" in said and said.count("not a picture") == 200


def test_what_a_fingerprint_is_made_of_is_said_in_the_language():
    """Of every source that comes with pellucid; others are told as they are."""
    for path in Path(pellucid.__file__).parent.glob("inputs/data/*.py"):
        for covers in re.findall(r'covers(?:: str)? = "(.+?)"', path.read_text(encoding="utf-8")):
            assert covers in COVERS and COVERS[covers].zh
    names, other = "names and sizes of the files", "the moon"
    assert "文件名与大小" in about_data([series().with_(facts={"data": data(**{"told apart by": names})})], "zh")
    assert other in about_data([series().with_(facts={"data": data(**{"told apart by": other})})], "zh")
