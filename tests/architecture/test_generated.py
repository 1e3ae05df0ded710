"""What is generated is current."""

from tools.stub import STUB, stub


def test_stub_of_the_public_names():
    assert STUB.is_file()
    assert STUB.read_text(encoding="utf-8") == stub(), "run: python -m tools.stub"
