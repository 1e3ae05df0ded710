"""Sentences that several kinds of result share, in both languages: `en.json` and `zh.json` have the same keys."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from pellucid.core.text import Text, say

LANGUAGES = ("en", "zh")


@cache
def catalogue(lang: str) -> dict[str, str]:
    """Every sentence in `lang` by key; placeholders as in `str.format`."""
    return json.loads(files(__name__).joinpath(f"{lang}.json").read_text(encoding="utf-8"))


def message(key: str, /, **values: Any) -> Text:
    """The sentence `key` with its placeholders filled; a `Text` among the values is said in the sentence's language.

    Where `count` is one and there is a sentence `key.one`, that is taken.
    """
    if str(values.get("count")) == "1" and f"{key}.one" in catalogue("en"):
        key = f"{key}.one"
    return Text(
        *(
            catalogue(lang)[key].format(**{name: say(value, lang) for name, value in values.items()})
            for lang in LANGUAGES
        )
    )
