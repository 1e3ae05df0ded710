"""Whoever reads Chinese is told in Chinese why a picture could not be made."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import pellucid as pl
from tests.contract.looks import METHODS, quick
from tests.networks import ZOO
from tests.networks.network import Network

SOURCE = Path(pl.__file__).parent
REFUSALS = {"NotApplicable", "DoesNotApply"}
CHINESE = re.compile(r"[\u4e00-\u9fff]")
ENGLISH = re.compile(r"\b[a-z]{2,} [a-z]{2,} [a-z]{2,}\b")  # of names, settings and commands no three stand in a row


def in_chinese(words: pl.Text) -> bool:
    """Whether the Chinese words are there, and are Chinese throughout."""
    return CHINESE.search(words.zh) is not None and CHINESE.search(words.en) is None and not ENGLISH.search(words.zh)


@pytest.mark.parametrize("network", [one for one in ZOO if one.refuses], ids=lambda one: one.name)
def test_every_refusal_of_a_network_is_told_in_both_languages(network: Network) -> None:
    asked = [name for name in METHODS if name in network.refuses]
    seen = pl.Lens(network.build()).see(network.x(2), *map(quick, asked))
    assert [one.method for one in seen.failures] == asked
    for one in seen.failures:
        assert isinstance(one.error, pl.NotApplicable), one
        assert in_chinese(one.error.words), one.error.words
        advice = one.error.advice
        assert advice.zh or not ENGLISH.search(advice.en), advice
        assert one.describe("zh") == f"{one.method} 没有生成图像：{one.error.words.zh}"


def refusals() -> Iterator[tuple[str, ast.Call]]:
    """Every place of the source that refuses."""
    for path in sorted(SOURCE.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if not any(f"{name}(" in source for name in REFUSALS):
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSALS:
                yield f"{path.relative_to(SOURCE)}:{node.lineno}", node


def test_no_refusal_is_written_in_english_alone() -> None:
    alone: list[str] = []
    for where, call in refusals():
        hints = [one.value for one in call.keywords if one.arg == "hint" and isinstance(one.value, ast.Constant)]
        plain = [one for one in hints if ENGLISH.search(str(one.value))]
        if plain or any(isinstance(one, (ast.Constant, ast.JoinedStr)) for one in call.args):
            alone.append(where)
    assert not alone, "Text(english, chinese) is missing"
