import pytest

from pellucid.core.errors import BadSetting
from pellucid.zoo.arguments import arguments_of


@pytest.mark.parametrize(
    ("spec", "bare", "arguments"),
    [
        ("net.py:Net", "net.py:Net", {}),
        ("net.py:Net()", "net.py:Net", {}),
        ("a.b:Net(classes=10)", "a.b:Net", {"classes": 10}),
        ("a (1)/net.py:make.Net(w=[8, 16], n='x:y', d={'a': -1.5}, t=(1,), f=None)", "a (1)/net.py:make.Net",
         {"w": [8, 16], "n": "x:y", "d": {"a": -1.5}, "t": (1,), "f": None}),
        ("a (1)/net.py:Net", "a (1)/net.py:Net", {}),
    ],
)  # fmt: skip
def test_values_are_read(spec: str, bare: str, arguments: dict) -> None:
    assert arguments_of(spec) == (bare, arguments)


@pytest.mark.parametrize(
    "inside",
    ["10", "a=open('x')", "a=b", "**{'a': 1}", "a=1)(b=2", "a=", "a=__import__('os').system('true')", "a=1, a=2"],
)
def test_nothing_runs(inside: str) -> None:
    with pytest.raises(BadSetting, match=r"arguments of .* cannot be read") as caught:
        arguments_of(f"net.py:Net({inside})")
    assert "num_classes=10" in caught.value.hint
