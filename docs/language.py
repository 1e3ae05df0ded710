"""Hooks of mkdocs: pages under zh/ say that they are Chinese; what the theme adds and how lines join is Chinese too."""

import re
from typing import Any

WORDS = {
    '<html lang="en"': '<html lang="zh-Hans"',
    "Table of contents": "目录",
    "Back to top": "返回顶部",
    "Skip to content": "跳转到正文",
}
# Where a line of the source ends within a sentence, a browser would show a space.
_HAN, _STOPS = "\u3400-\u9fff", "，。；：、？！（）《》“”"
_BROKEN = re.compile(
    rf"(?<=[{_HAN}{_STOPS}])\n {{0,4}}(?=[{_HAN}{_STOPS}])|(?<=[{_STOPS}])\n {{0,4}}(?=[A-Za-z`](?!``))"
)


def joined(markdown: str) -> str:
    """The text with its Chinese lines joined; code stays as it is."""
    parts = re.split(r"(^```.*?^```)", markdown, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if part.startswith("```") else _BROKEN.sub("", part) for part in parts)


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001 - given by name
    """Called by mkdocs with the text of every page."""
    return joined(markdown) if page.file.src_uri.startswith("zh/") else markdown


def on_post_page(output: str, *, page: Any, config: Any) -> str:  # noqa: ARG001 - mkdocs gives both by name
    """Called by mkdocs with every finished page."""
    if page.file.src_uri.startswith("zh/"):
        for english, chinese in WORDS.items():
            output = output.replace(english, chinese)
    return output
