"""A hook of mkdocs: pages under zh/ say that they are Chinese, and what the theme adds to them is Chinese too."""

from typing import Any

WORDS = {
    '<html lang="en"': '<html lang="zh-Hans"',
    "Table of contents": "目录",
    "Back to top": "返回顶部",
    "Skip to content": "跳转到正文",
}


def on_post_page(output: str, *, page: Any, config: Any) -> str:  # noqa: ARG001 - mkdocs gives both by name
    """Called by mkdocs with every finished page."""
    if page.file.src_uri.startswith("zh/"):
        for english, chinese in WORDS.items():
            output = output.replace(english, chinese)
    return output
