"""What is wrong with each of several models, in few words."""

from collections.abc import Callable, Mapping
from typing import Any

from pellucid.core.errors import BadTarget, PellucidError
from pellucid.core.text import Text
from pellucid.diagnose.finding import SEVERITIES, WORDS
from pellucid.diagnose.findings import Findings
from pellucid.engine.planner import Progress
from pellucid.inputs.data.data import Data
from pellucid.inputs.data.noise import Noise
from pellucid.lens.comparing.examples import some_of
from pellucid.lens.lens import Lens

EXAMPLES = 16  # at most, that are looked at
_NONE = Text("none", "无")


def found_in(
    lens: Lens,
    x: Any,
    data: Data | None,
    *,
    labelled: bool = True,
    seed: int,
    progress: Callable[[Progress], None] | None,
) -> Findings | None:
    """What `Lens.diagnose` finds with some samples of the data, else of `x`; None where it cannot read them.

    `labelled` says whether labels of the data are in the order of its classes. White noise has no findings: that it is
    no picture is known.
    """
    if data is not None and isinstance(data.reader, Noise):
        return None
    how: dict[str, Any] = {"seed": seed, "progress": progress}
    try:
        if data is None:
            return lens.diagnose(lens.read(x).rows(0, EXAMPLES), **how)
        try:
            return lens.diagnose(data=some_of(data, EXAMPLES, labelled=labelled), **how)
        except BadTarget:  # labels of other classes than the model's
            return lens.diagnose(data=some_of(data, EXAMPLES, labelled=False), **how)
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


def high(findings: Mapping[str, Findings | None]) -> tuple[Text, ...]:
    """Those with which a model does not work, each once, with the names of the models that have it."""
    by: dict[Text, list[str]] = {}
    for name, found in findings.items():
        for one in found.high if found is not None else ():
            en, zh = (f" ({one.place})", f"（{one.place}）") if one.place else ("", "")
            by.setdefault(Text(one.title.en + en, one.title.zh + zh), []).append(name)
    return tuple(
        Text(f"High severity in {', '.join(names)}: {one.en}.", f"{'、'.join(names)} 有严重问题：{one.zh}。")
        for one, names in by.items()
    )
