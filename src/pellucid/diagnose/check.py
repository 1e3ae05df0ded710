"""Checks: a check is a generator in a file of its own under `checks`; the folder is the list.

Its parameters say what it needs, by name: `x`, `target`, `lens`, `preprocess`, `labels`, `run`. One that has a default
may be missing. Like a method it yields passes and never runs the model; it returns what it noticed.
"""

import inspect
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from pellucid.core.errors import NotApplicable
from pellucid.core.provenance import Words
from pellucid.core.text import Text
from pellucid.diagnose.finding import Noticed
from pellucid.engine.looker import Looker
from pellucid.engine.monitor.history import History
from pellucid.engine.passes import Looking
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.inputs.preprocess import Preprocess

Checking = Looking[Sequence[Noticed]]
HOLLOW = Text("this model has no values: it lies on the meta device", "模型位于 meta 设备，没有数值")


class DoesNotApply(NotApplicable):
    """A check has nothing to look at here.

    Args:
        words: why.
    """

    def __init__(self, words: Text) -> None:
        super().__init__(words)


@dataclass(frozen=True, eq=False)
class Case:
    """All that is known: what a check may ask for.

    Args:
        x: examples.
        target: what gradients are taken of: the score of the label, else of the predicted class.
        lens: the model.
        preprocess: what was stated for pictures.
        labels: the true class of each example.
        run: the record of a training.
    """

    lens: Looker
    x: Inputs | None = None
    target: Target | None = None
    preprocess: Preprocess | None = None
    labels: tuple[int, ...] | None = None
    run: History | None = None


@dataclass(frozen=True, eq=False)
class Check:
    """Everything that is known of a check.

    Args:
        name: that of its file.
        function: the generator.
        title: what is wrong where it finds something.
        why: why that matters.
        advice: what to try.
        rank: which stands first among findings of equal severity: causes before what follows from them.
    """

    name: str
    function: Callable[..., Any]
    title: Text
    why: Text
    advice: Text
    rank: int

    def __repr__(self) -> str:
        return f"the check {self.name}"

    @property
    def needs(self) -> tuple[str, ...]:
        """What it cannot do without."""
        known = inspect.signature(self.function).parameters
        return tuple(name for name, one in known.items() if one.default is inspect.Parameter.empty)

    @property
    def words(self) -> Words:
        """What its evidence says of itself."""
        return Words(self.title, self.why, Text(""), Text(""), self.advice)

    def lacks(self, case: Case) -> tuple[str, ...]:
        """What it needs and is not there."""
        return tuple(name for name in self.needs if getattr(case, name) is None)

    def start(self, case: Case) -> Generator[Any, Any, Any]:
        """The check at work."""
        given = {name: getattr(case, name) for name in inspect.signature(self.function).parameters}
        return self.function(**given)


def check(*, title: Text, why: Text, advice: Text, rank: int) -> Callable[[Callable[..., Any]], Check]:
    """Make a check out of a generator: `@check(title=..., why=..., advice=..., rank=...)`."""

    def register(function: Callable[..., Any]) -> Check:
        return Check(function.__name__, function, title, why, advice, rank)

    return register


@cache
def checks() -> tuple[Check, ...]:
    """Every check, causes before what follows from them."""
    folder = Path(__file__).parent / "checks"
    names = sorted(one.stem for one in folder.glob("*.py") if not one.stem.startswith("_"))
    found = [getattr(import_module(f"pellucid.diagnose.checks.{name}"), name) for name in names]
    return tuple(sorted(found, key=lambda one: (one.rank, one.name)))
