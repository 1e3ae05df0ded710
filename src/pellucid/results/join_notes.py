"""The notes of results of consecutive blocks: each is said once, and of whom."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, pairwise

from pellucid.core.text import Text
from pellucid.results.result import Result

_NAMES, _NUMBERS = re.compile(r"'[^']*'"), re.compile(r"[-−]?\d[\d.,]*(e[-+]?\d+)?")
_MOST = 3


def notes_of(parts: Sequence[Result]) -> tuple[Text, ...]:
    """What all blocks say as it is; what some say with the numbers of their examples.

    Of notes that differ in nothing but numbers and names, that of the first block stands for all.

    Args:
        parts: results of blocks whose first axis are the examples.
    """
    alike: dict[tuple[str, bool, int], dict[int, Text]] = {}
    for block, part in enumerate(parts):
        before = Counter[tuple[str, bool]]()
        for note in dict.fromkeys(part.notes):
            kind = _NUMBERS.sub("#", _NAMES.sub("''", note.en)), note.aside
            alike.setdefault((*kind, before[kind]), {})[block] = note
            before[kind] += 1
    ends = [0, *accumulate(len(part.values) for part in parts)]
    spans = [(start + 1, end) for start, end in pairwise(ends)]
    return tuple(dict.fromkeys(_once(notes, spans) for notes in alike.values()))


def _once(notes: dict[int, Text], spans: Sequence[tuple[int, int]]) -> Text:
    """One note of those that blocks say, by number of the block."""
    first, *others = notes.values()
    if any(one != first for one in others):
        said = _of(first, [spans[next(iter(notes))]])
        en, zh = f"{said.en} Others have other numbers or names.", f"{said.say('zh')}其余样本的数字或名称有所不同。"
        return Text(en, zh, aside=first.aside)
    return first if len(notes) == len(spans) else _of(first, [spans[block] for block in notes])


def _of(note: Text, spans: Sequence[tuple[int, int]]) -> Text:
    """The note with the examples that it is of."""
    en = ", ".join(f"{first} to {last}" if last > first else str(first) for first, last in spans[:_MOST])
    zh = "、".join(f"{first} 至 {last}" if last > first else str(first) for first, last in spans[:_MOST])
    one = len(spans) == 1 and spans[0][0] == spans[0][1]
    more = (" and others", " 等") if len(spans) > _MOST else ("", "")
    return Text(
        f"Example{'' if one else 's'} {en}{more[0]}: {note.en}",
        f"样本 {zh}{more[1]}：{note.say('zh')}",
        aside=note.aside,
    )
