"""A method at work."""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any
from weakref import ref

from torch import Tensor

from pellucid.core.errors import MethodFault, PellucidError
from pellucid.core.text import Text
from pellucid.engine.memory import out_of_memory
from pellucid.engine.passes import Look, Pass, Step, Together
from pellucid.engine.requests import shared_tensors
from pellucid.engine.sharing import MemoryRanOut
from pellucid.engine.storage import writes_of
from pellucid.engine.sweeps.request import Sweep
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs


@dataclass(eq=False)
class Task:
    """One method at work.

    Args:
        view: what is asked; equal looks share a task.
        run: the method's generator.
        request: what it waits for.
        result: once done.
        error: once failed.
        answers: what is known of its request so far.
        shown: tensors that it was shown.
    """

    view: Any
    x: Inputs | None
    target: Target | None
    run: Generator[Any, Any, Any]
    request: Any = None
    result: Any = None
    error: BaseException | None = None
    done: bool = False
    answers: dict[int, Any] = field(default_factory=dict)
    shown: "list[ref[Tensor]]" = field(default_factory=list)

    def held(self) -> list[Tensor]:
        """Tensors that it was shown and that are still alive, and those that wait for it."""
        shown = [tensor for one in self.shown if (tensor := one()) is not None]
        return [*shown, *(tensor for answer in self.answers.values() for tensor in shared_tensors(answer))]

    def versions(self, answer: Any) -> list[tuple[Tensor, int]]:
        """Every tensor that it has been shown and is about to be shown, with how often it was written."""
        self.shown = [one for one in self.shown if one() is not None] + [ref(one) for one in shared_tensors(answer)]
        return [(tensor, writes_of(tensor)) for tensor in self.held()]

    def restart(self, run: Generator[Any, Any, Any]) -> None:
        """Begin again."""
        self.run.close()
        self.run, self.answers, self.shown = run, {}, []

    def fail(self, error: BaseException) -> None:
        """End without a result."""
        self.result, self.error, self.done = None, error, True

    def step(self, answer: Any) -> None:
        """Hand over an answer (None at the start, an exception to raise it there) and run to the next request.

        Raises:
            MemoryRanOut: the method's own arithmetic did not fit.
        """
        try:
            if isinstance(answer, BaseException):
                self.request = self.run.throw(answer)
            else:
                self.request = next(self.run) if answer is None else self.run.send(answer)
            if not isinstance(self.request, (Pass, Look, Step, Sweep, Together)):
                self.fail(
                    MethodFault(
                        Text(
                            f"{self.view} yielded {type(self.request).__name__}, not a Pass or a Look",
                            f"{self.view} 产出了 {type(self.request).__name__}，而不是 Pass 或 Look",
                        )
                    )
                )
        except StopIteration as stop:
            self.result, self.done = stop.value, True
        except PellucidError as error:
            self.fail(error)
        except Exception as error:
            if out_of_memory(error):
                raise MemoryRanOut from error
            fault = MethodFault(
                Text(
                    f"{self.view} raised {type(error).__name__}: {error}",
                    f"{self.view} 引发 {type(error).__name__}：{error}",
                )
            )
            fault.__cause__ = error
            self.fail(fault)
