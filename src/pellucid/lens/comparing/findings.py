"""What is wrong with each of several models, in few words."""

from collections.abc import Callable
from typing import Any

from pellucid.core.errors import PellucidError
from pellucid.core.text import Text
from pellucid.diagnose.finding import SEVERITIES, WORDS
from pellucid.diagnose.findings import Findings
from pellucid.engine.planner import Progress
from pellucid.inputs.data.data import Data
from pellucid.lens.comparing.examples import some_of
from pellucid.lens.lens import Lens

EXAMPLES = 16  # at most, that are looked at
_NONE = Text("none", "无")


def found_in(
    lens: Lens, x: Any, data: Data | None, *, seed: int, progress: Callable[[Progress], None] | None
) -> Findings | None:
    """What `Lens.diagnose` finds with some samples of the data, else of `x`; None where it cannot read them."""
    how: dict[str, Any] = {"seed": seed, "progress": progress}
    try:
        if data is not None:
            return lens.diagnose(data=some_of(data, EXAMPLES), **how)
        return lens.diagnose(lens.read(x).rows(0, EXAMPLES), **how)
    except PellucidError:
        return None


def counted(found: Findings) -> Text:
    """How many there are of each severity; those that are merely to know are left out."""
    counts = [(len(found.of(name)), WORDS[name]) for name in SEVERITIES if name != "info" and found.of(name)]
    if not counts:
        return _NONE
    return Text(
        ", ".join(f"{count} {words.en}" for count, words in counts),
        "、".join(f"{count} 项{words.zh}" for count, words in counts),
    )


def high(name: str, found: Findings) -> Text | None:
    """Those with which a model does not work; None where there are none."""
    if not found.high:
        return None
    en = "; ".join(f"{one.title.en}{f' ({one.place})' if one.place else ''}" for one in found.high)
    zh = "；".join(f"{one.title.zh}{f'（{one.place}）' if one.place else ''}" for one in found.high)
    return Text(
        f"{name} has findings of high severity: {en}. lens.diagnose(...) tells more.",
        f"{name} 有严重问题：{zh}。详见 lens.diagnose(...)。",
    )
