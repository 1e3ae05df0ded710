"""Where a result comes from: enough to trust it, cite it and make it again."""

from dataclasses import dataclass, field
from typing import Any

from pellucid.core.text import Text


@dataclass(frozen=True)
class Words:
    """What a method says of itself; it travels with every result."""

    title: Text
    question: Text
    shows: Text
    cannot: Text
    check: Text
    formula: str = ""
    steps: Text = Text("")
    paper: str = ""


@dataclass(frozen=True)
class TargetInfo:
    """The scalar that one example was explained for.

    Args:
        label: how to say it ("tabby", "class 281"), in English.
        index: index into the output's trailing axes, None for a function of the output.
        score: its value in `unit`.
        probability: after softmax over the class axis, None where that has no meaning.
        chosen: "asked", "predicted" or "rival" (the best of the classes that are not explained).
        zh: `label` in Chinese where it is other words.
    """

    label: str
    index: tuple[int, ...] | None
    score: float
    probability: float | None = None
    chosen: str = "asked"
    unit: str = "logit"
    zh: str = ""

    @property
    def words(self) -> Text:
        """The label in both languages."""
        return Text(self.label, self.zh)


@dataclass(frozen=True)
class Trace:
    """How this run went; no digest and no comparison covers it."""

    forwards: int = 0
    backwards: int = 0
    samples: int = 0
    chunks: tuple[int, ...] = ()
    seconds: float = 0.0
    date: str = ""
    host: str = ""


@dataclass(frozen=True)
class Provenance:
    """Method, settings, model, target, versions; `trace` is about this run only.

    `input` is the name of the explained input where the method gave results for several.
    """

    method: str
    family: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    words: Words | None = None
    model: str = ""
    weights: str = ""
    layer: str = ""
    input: str = ""
    targets: tuple[TargetInfo, ...] = ()
    seed: int | None = None
    versions: dict[str, str] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()
    code: str = ""
    trace: Trace = field(default=Trace(), compare=False)
