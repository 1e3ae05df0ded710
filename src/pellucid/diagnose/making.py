"""All checks of one case, in as few passes as they need together."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from pellucid.core.errors import BadSetting, BadTarget, ModelFailed, PellucidError
from pellucid.core.text import Text
from pellucid.diagnose.check import HOLLOW, Case, Check, DoesNotApply, checks
from pellucid.diagnose.finding import SEVERITIES, Finding, Noticed, NotMade
from pellucid.diagnose.findings import NEEDED, Findings
from pellucid.engine.passes import Pass
from pellucid.engine.planner import Planner, Progress
from pellucid.engine.task import Task
from pellucid.results.result import Result

Sign = Callable[[Result, Check], Result]


def diagnosed(
    case: Case,
    sign: Sign,
    *,
    seed: int = 0,
    title: str = "",
    notes: Sequence[Text] = (),
    progress: Callable[[Progress], None] | None = None,
) -> Findings:
    """Make every check that has what it needs; one that cannot be made says why.

    Args:
        sign: gives evidence its provenance.
        notes: what the reader must know of the examples.
    Raises:
        BadTarget: a label that the output does not have.
        BadSetting: the output that the lens was told to explain is not there.
        MemoryRanOut: a pass did not fit.
        ModelFailed: the model raised under every check that ran it.
    """
    planner = Planner(case.lens, lambda one, *_: one.start(case), case.x, seed=seed, watch=progress)
    not_made: list[NotMade] = []
    tasks: list[tuple[Check, Task]] = []
    for one in checks():
        lacks = one.lacks(case)
        if lacks:
            not_made.append(NotMade(one.name, one.title, _needs(lacks), lacks))
        else:
            tasks.append((one, planner.add(one, case.x, case.target)))
    planner.run()
    _refuse_failed(case, [task for _, task in tasks])
    found: list[tuple[int, int, int, Finding]] = []
    passed: list[str] = []
    for one, task in tasks:
        if task.error is not None:
            not_made.append(NotMade(one.name, one.title, _why(task.error, case)))
            continue
        noticed: list[Noticed] = list(task.result)
        passed += [] if noticed else [one.name]
        for i, each in enumerate(noticed):
            found.append((SEVERITIES.index(each.severity), one.rank, i, _finding(one, each, sign)))
    found.sort(key=lambda each: each[:3])
    return Findings([each[3] for each in found], not_made, passed, planner.cost(), title, notes)


def _refuse_failed(case: Case, tasks: Sequence[Task]) -> None:
    """Refuse a model that no check could run; those that never ran it must not hide that.

    Raises:
        ModelFailed: the first of them.
    """
    ended = [task.error for task in tasks if isinstance(task.request, Pass)]
    failed = [error for error in ended if isinstance(error, ModelFailed)]
    if failed and len(failed) == len(ended) and not case.lens.hollow:
        raise failed[0]


def _finding(one: Check, each: Noticed, sign: Sign) -> Finding:
    advice = each.advice or one.advice
    evidence = sign(replace(each.evidence, notes=(each.said, *each.evidence.notes)), one)
    return Finding(one.name, each.severity, each.place, each.said, evidence, one.title, one.why, advice)


def _needs(lacks: tuple[str, ...]) -> Text:
    words = list(dict.fromkeys(NEEDED[name] for name in lacks))
    return Text("needs " + " and ".join(one.en for one in words), "需要" + "与".join(one.zh for one in words))


def _why(error: BaseException, case: Case) -> Text:
    """Why a check could not be made.

    Raises:
        BadTarget, BadSetting: what the caller got wrong.
    """
    if isinstance(error, BadSetting) or (isinstance(error, BadTarget) and case.labels is not None):
        raise error
    words = error.words if isinstance(error, PellucidError) else Text(str(error))
    if case.lens.hollow and not isinstance(error, DoesNotApply):
        return HOLLOW
    if isinstance(error, ModelFailed) and not words.zh:
        return Text(words.en, f"模型运行时出错：{words.en}")
    return words if words.zh else Text(words.en, f"无法进行：{words.en}")
