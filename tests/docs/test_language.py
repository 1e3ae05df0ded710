from types import SimpleNamespace

import pytest

from docs.language import on_post_page

PAGE = '<html lang="en" class="no-js"><a>Skip to content</a><label>Table of contents</label>'


@pytest.mark.parametrize(("path", "chinese"), [("zh/index.md", True), ("index.md", False), ("methods/zhang.md", False)])
def test_only_chinese_pages_say_so(path, chinese):
    page = on_post_page(PAGE, page=SimpleNamespace(file=SimpleNamespace(src_uri=path)), config={})
    assert ('<html lang="zh-Hans"' in page and "目录" in page) == chinese
    assert (page == PAGE) != chinese
