"""Checks: the folder is the list, and parameters say what is needed."""

from pathlib import Path

from torch import nn

import pellucid.diagnose.checks
from pellucid.diagnose.check import Case, checks
from pellucid.engine.looker import Looker

FOLDER = Path(pellucid.diagnose.checks.__file__).parent


def test_every_file_is_a_check_with_words_in_both_languages():
    assert {one.name for one in checks()} == {one.stem for one in FOLDER.glob("*.py") if one.stem != "__init__"}
    for one in checks():
        for words in (one.title, one.why, one.advice):
            assert words.en and words.zh and words.en != words.zh


def test_what_is_missing_is_what_has_no_default():
    case = Case(Looker(nn.Linear(2, 2)))
    lacks = {one.name: one.lacks(case) for one in checks()}
    assert lacks["learning_rate"] == ("run",)
    assert lacks["overconfident"] == ("x", "labels")
    assert lacks["not_finite"] == ()
