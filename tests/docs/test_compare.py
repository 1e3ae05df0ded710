"""What the page on comparisons quotes is what `python -m docs.compare` prints."""

import re
import sys

import pytest
import torch

from docs import compare
from docs.build import WRITTEN

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def printed() -> list[str]:
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["compare", "--dry"])
        patch.setattr(compare, "print", lambda *parts, **_: said.extend("\n".join(parts).splitlines()), raising=False)
        compare.main()
    return said


@pytest.mark.parametrize("page", ["compare.md", "zh/compare.md"])
def test_every_quoted_line_is_printed(printed, page):
    quoted = "".join(re.findall(r"```text\n(.*?)```", (WRITTEN / page).read_text(encoding="utf-8"), re.DOTALL))
    lines = quoted.splitlines()
    assert len(lines) == 6
    assert [line for line in lines if line not in printed] == []
