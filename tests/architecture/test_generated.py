"""What is generated is current."""

import pytest

from tools import tables
from tools.stub import STUB, stub


def test_stub_of_the_public_names():
    assert STUB.is_file()
    assert STUB.read_text(encoding="utf-8") == stub(), "run: python -m tools.stub"


@pytest.mark.parametrize("lang", tables.READMES)
def test_tables_of_the_readmes(lang):
    text = tables.READMES[lang].read_text(encoding="utf-8")
    assert tables.BEGIN in text and tables.END in text
    assert text == tables.current(lang), "run: python -m tools.tables"
