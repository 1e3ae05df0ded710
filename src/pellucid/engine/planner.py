"""Runs any number of methods in lockstep, in as few passes as they need together. Knows nothing of methods.

Each round it collects the passes that the methods wait for, merges those that may share a forward (equal input bits,
edits and state), runs one backward per distinct (target, rules), and hands each method what it asked for.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import torch

from pellucid.core.errors import Cancelled, MethodFault, NotApplicable
from pellucid.core.text import Text
from pellucid.engine.looker import NEEDS_SHAPES, Looker, Session
from pellucid.engine.passes import Look, Pass, Step
from pellucid.engine.requests import answer_to, looks_in, passes_in, sweeps_in
from pellucid.engine.sharing import groups, run_shared
from pellucid.engine.storage import storage_of, writes_of
from pellucid.engine.sweeps.run import Course, answers_to
from pellucid.engine.targets.target import Target
from pellucid.engine.task import Task
from pellucid.inputs.inputs import Inputs

Start = Callable[[Any, Inputs | None, Target | None], Generator[Any, Any, Any]]


@dataclass(frozen=True)
class Progress:
    """Where a look stands, told before every round, every shared forward and every `Step` of a method.

    Args:
        round: counted from 1.
        forwards: done so far.
        waiting: methods still at work.
        step: (i, n) of the longest loop in this round, or None.
        seconds: since the look began.
        samples: of a run through a data set, how many are done and how many there are.
        said: how that loop fares, where it says so.
    """

    round: int
    forwards: int
    waiting: int
    step: tuple[int, int] | None
    seconds: float
    samples: tuple[int, int] | None = None
    said: Text | None = None


@dataclass(frozen=True)
class Cost:
    """What a look cost.

    Args:
        forwards: calls of the model.
        samples: rows in those calls; of one example that an edit makes many variants of, the rows that come out.
        backwards: backward passes.
        rounds: lockstep rounds.
        kept_bytes: of all values and gradients that were handed to methods, each counted once.
        peak_bytes: most memory allocated on CUDA; None elsewhere.
        seconds: wall time.
    """

    forwards: int = 0
    samples: int = 0
    backwards: int = 0
    rounds: int = 0
    kept_bytes: int = 0
    peak_bytes: int | None = None
    seconds: float = 0.0
    chunks: tuple[int, ...] = ()


class Planner:
    """One look: many tasks over one model.

    Args:
        looker: the model.
        start: makes the generator of a view.
        clean: input on which targets are resolved.
        seed: of the random state that every forward starts from.
        watch: called with `Progress`; may raise `Cancelled`.
        course: how sweeps run through a data set; None: there is none.
    """

    def __init__(
        self,
        looker: Looker,
        start: Start,
        clean: Inputs | None,
        *,
        seed: int = 0,
        watch: Callable[[Progress], None] | None = None,
        course: Course | None = None,
    ) -> None:
        self.looker, self.start, self.clean, self.seed, self.watch = looker, start, clean, seed, watch
        self.course, self.sweeps = course, 0
        self.tasks: list[Task] = []
        self.rounds = 0
        self.chunks: list[int] = []
        self.session: Session | None = None
        self._began = perf_counter()

    def add(self, view: Any, x: Inputs | None, target: Target | None) -> Task:
        """A task for this view; an equal one that is there already is used again."""
        for task in self.tasks:
            same_x = task.x is x or (task.x is not None and x is not None and task.x.same_bits(x))
            same_target = task.target is target or (
                task.target is not None and target is not None and task.target.key == target.key
            )
            if task.view == view and same_x and same_target:
                return task
        task = Task(view, x, target, self.start(view, x, target))
        self.tasks.append(task)
        return task

    def run(self) -> None:
        """Run every task to its end; each has its result or its error afterwards.

        Raises:
            MemoryRanOut: a pass did not fit and cannot be cut.
        """
        with self.looker.looking(self.seed) as self.session:
            self._reset_peak()
            try:
                self._loop(self.session)
            except Cancelled as error:
                for task in self.tasks:
                    task.error = task.error if task.done else error
            finally:
                for task in self.tasks:
                    task.run.close()

    def _loop(self, session: Session) -> None:
        for task in list(self.tasks):
            self._advance(task, None)
        while True:
            self._settle()
            waiting = [task for task in self.tasks if not task.done]
            if not waiting:
                return
            self.rounds += 1
            passes = [one for task in waiting for one in passes_in(task.request) if id(one) not in task.answers]
            sweeps = [one for task in waiting for one in sweeps_in(task.request) if id(one) not in task.answers]
            if not passes and not sweeps:
                raise MethodFault(
                    Text(
                        "methods wait for each other's results: " + ", ".join(str(task.view) for task in waiting),
                        "各方法互相等待对方的结果：" + "、".join(str(task.view) for task in waiting),
                    )
                )
            for group in groups(passes, self.clean):
                self._tell(waiting, group)
                _hand(waiting, group, run_shared(session, group, self.chunks, self.clean))
            if sweeps and not passes:
                self.sweeps += 1
                course = None if self.course is None else self.course.numbered(self.sweeps)
                watch = partial(self._show, len(waiting), None)
                _hand(waiting, sweeps, answers_to(session, sweeps, course, watch))

    def _settle(self) -> None:
        """Start the tasks behind `Look` requests; advance every task whose whole request is answered, until none is."""
        moved = True
        while moved:
            moved = False
            for task in list(self.tasks):
                if task.done:
                    continue
                for look in looks_in(task.request):
                    child = self._child(look)
                    if child.done:
                        task.answers[id(look)] = child.error or child.result
                asked = (*passes_in(task.request), *looks_in(task.request), *sweeps_in(task.request))
                if all(id(one) in task.answers for one in asked):
                    answers, task.answers = task.answers, {}
                    if isinstance(task.request, Step):
                        self._tell([one for one in self.tasks if not one.done], [task.request])
                    self._advance(task, answer_to(task.request, answers))
                    moved = True

    def _tell(self, waiting: list[Task], passes: Sequence[Pass | Step]) -> None:
        loops = [(one.step, getattr(one, "said", None)) for one in passes if one.step is not None]
        step, said = max(loops, key=lambda loop: loop[0][1] - loop[0][0], default=(None, None))
        self._show(len(waiting), step, said=said)

    def _show(
        self,
        waiting: int,
        step: tuple[int, int] | None,
        samples: tuple[int, int] | None = None,
        said: Text | None = None,
    ) -> None:
        if self.watch is not None and self.session is not None:
            seconds = perf_counter() - self._began
            self.watch(Progress(self.rounds, self.session.forwards, waiting, step, seconds, samples, said))

    def _child(self, look: Look) -> Task:
        before = len(self.tasks)
        child = self.add(look.view, look.x, look.target)
        if len(self.tasks) > before:
            self._advance(child, None)
        return child

    def _advance(self, task: Task, answer: Any) -> None:
        before = task.versions(answer)
        task.step(answer)
        if self.looker.hollow and isinstance(task.error, MethodFault):
            refusal = NotApplicable(
                Text("this model has no values: it lies on the meta device", "模型没有数值：位于 meta 设备"),
                hint=NEEDS_SHAPES,
            )
            refusal.__cause__ = task.error
            task.fail(refusal)
        spoiled = {storage_of(tensor) for tensor, version in before if writes_of(tensor) != version}
        if spoiled:
            task.fail(
                MethodFault(
                    Text(
                        f"{task.view} wrote into a tensor that it shares with other methods",
                        f"{task.view} 写入了与其他方法共享的张量",
                    ),
                    hint=Text("work on a copy: tensor.clone()", "请在副本上操作：tensor.clone()"),
                )
            )
            self._restart_all_that_hold(spoiled)

    def _restart_all_that_hold(self, spoiled: set[int]) -> None:
        """Methods that were shown what another one has written over begin again."""
        for task in self.tasks:
            if not task.done and any(storage_of(tensor) in spoiled for tensor in task.held()):
                task.restart(self.start(task.view, task.x, task.target))
                self._advance(task, None)

    def _reset_peak(self) -> None:
        if self.looker.on_cuda:
            torch.cuda.reset_peak_memory_stats(self.looker.on_cuda)

    def cost(self) -> Cost:
        """What it has cost so far."""
        seconds = perf_counter() - self._began
        return Cost() if self.session is None else _cost(self.session, self.rounds, seconds, tuple(self.chunks))


def _hand(waiting: Sequence[Task], requests: Sequence[Any], answers: Sequence[Any]) -> None:
    """Give each task the answers to its own requests."""
    known = dict(zip(map(id, requests), answers, strict=True))
    for task in waiting:
        mine = (*passes_in(task.request), *sweeps_in(task.request))
        task.answers.update({id(one): known[id(one)] for one in mine if id(one) in known})


def _cost(session: Session, rounds: int, seconds: float, chunks: tuple[int, ...]) -> Cost:
    device = session.looker.on_cuda
    peak = torch.cuda.max_memory_allocated(device) if device else None
    kept = session.kept_bytes
    return Cost(session.forwards, session.samples, session.backwards, rounds, kept, peak, seconds, chunks)
