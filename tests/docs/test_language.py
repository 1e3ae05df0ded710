from types import SimpleNamespace

import pytest

from docs.language import joined, on_page_markdown, on_post_page

PAGE = '<html lang="en" class="no-js"><a>Skip to content</a><label>Table of contents</label>'


@pytest.mark.parametrize(("path", "chinese"), [("zh/index.md", True), ("index.md", False), ("methods/zhang.md", False)])
def test_only_chinese_pages_say_so(path, chinese):
    page = on_post_page(PAGE, page=SimpleNamespace(file=SimpleNamespace(src_uri=path)), config={})
    assert ('<html lang="zh-Hans"' in page and "目录" in page) == chinese
    assert (page == PAGE) != chinese
    text = "图像，\n可信"
    joint = on_page_markdown(text, page=SimpleNamespace(file=SimpleNamespace(src_uri=path)), config={}, files=None)
    assert joint == ("图像，可信" if chinese else text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("它展示什么、\n可信到什么程度", "它展示什么、可信到什么程度"),
        ("- 冻结的权重、\n  `torch.compile`：\n  Captum", "- 冻结的权重、`torch.compile`：Captum"),
        ("使用\nCaptum\n的", "使用\nCaptum\n的"),
        ("第一段。\n\n第二段。\n- 列表。\n1. 列表。\n| 表 |", "第一段。\n\n第二段。\n- 列表。\n1. 列表。\n| 表 |"),
        ("示例：\n```python\n# 一，\n二 = 1\n```\n完", "示例：\n```python\n# 一，\n二 = 1\n```\n完"),
    ],
)
def test_chinese_lines_join_without_a_space(text, expected):
    assert joined(text) == expected
