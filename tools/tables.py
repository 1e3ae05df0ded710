"""Write the tables of methods in both READMEs from what the methods say of themselves.

Run it after adding a method or changing its words: `python -m tools.tables`. A test fails where a table is not current.
"""

import re
from pathlib import Path
from typing import Literal

from pellucid.registry import find, names
from pellucid.render.report_words import FAMILIES

Lang = Literal["en", "zh"]
READMES: dict[Lang, Path] = {
    "en": Path(__file__).parents[1] / "README.md",
    "zh": Path(__file__).parents[1] / "README.zh-CN.md",
}
HEADS = {"en": ("question", "method", "what it cannot tell"), "zh": ("问题", "方法", "它不能说明什么")}
BEGIN, END = "<!-- methods -->\n", "<!-- end of methods -->\n"


def tables(lang: Lang) -> str:
    """A table for each family, a row for each method."""
    specs = [find(name) for name in names()]
    parts: list[str] = []
    for family, title in FAMILIES.items():
        rows = [
            (spec.words.question.say(lang), f"`{spec.name}`", spec.words.cannot.say(lang))
            for spec in specs
            if spec.family == family != "outside"
        ]
        if rows:
            lines = (" | ".join(cell.replace("|", "\\|") for cell in row) for row in (HEADS[lang], ("---",) * 3, *rows))
            parts.append(f"**{title.say(lang)}**\n\n" + "\n".join(f"| {line} |" for line in lines) + "\n")
    return "\n".join(parts)


def current(lang: Lang) -> str:
    """The README with tables of today."""
    text = READMES[lang].read_text(encoding="utf-8")
    return re.sub(f"(?<={BEGIN}).*(?={END})", lambda _: f"\n{tables(lang)}\n", text, flags=re.DOTALL)


if __name__ == "__main__":
    for lang, path in READMES.items():
        path.write_text(current(lang), encoding="utf-8")
