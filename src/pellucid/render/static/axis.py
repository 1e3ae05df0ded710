"""What the axes of a matrix are called."""

from pellucid.core.messages import message
from pellucid.core.text import Text

_KNOWN = frozenset(
    [
        "query",
        "key",
        "row",
        "column",
        "method",
        "model",
        "level",
        "token",
        "position",
        "class",
        "head",
        "window",
        "channel",
        "code",
        "step",
    ]
)


def axis_name(name: str) -> Text | str:
    """The name of an axis as a reader calls it."""
    name = {"layer": "level"}.get(name, name)
    return message(f"draw.{name}") if name in _KNOWN else name
