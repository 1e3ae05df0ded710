"""Which passes share a forward, and how a group is run: together, alone to find the guilty one, cut to save memory."""

from pellucid.core.errors import ModelFailed, PellucidError
from pellucid.engine.apart import Apart, knows_others
from pellucid.engine.covered import run_covered
from pellucid.engine.group import run_group
from pellucid.engine.halving import Run, run_halved
from pellucid.engine.looker import Session
from pellucid.engine.memory import out_of_memory
from pellucid.engine.passes import Pass, Seen
from pellucid.engine.scoring import run_scores
from pellucid.engine.unreal import run_unreal
from pellucid.engine.variants import makes_variants, run_variants
from pellucid.inputs.inputs import Inputs


class MemoryRanOut(Exception):
    """A pass cannot be made smaller; the look has to be restarted on fewer examples."""


def shareable(a: Pass, b: Pass) -> bool:
    """Whether two passes see the same forward: equal input bits, edits in order, and state."""
    if a.covered is not b.covered or a.expand != b.expand or a.real is not b.real:
        return False
    same_state = a.state is b.state or (not a.state and not b.state)
    return same_state and tuple(a.edits) == tuple(b.edits) and a.start == b.start and a.x.same_bits(b.x)


def groups(passes: list[Pass], clean: Inputs | None) -> list[list[Pass]]:
    """Passes that may share a forward.

    A target is fixed on the clean input: where one is still open, the clean forward comes first, and is added if nobody
    asked for it.
    """
    found: list[list[Pass]] = []
    for one in passes:
        for group in found:
            if shareable(group[0], one):
                group.append(one)
                break
        else:
            found.append([one])
    open_targets = {
        id(one.target): one.target for one in passes if one.target is not None and one.target.resolved is None
    }
    if clean is not None and open_targets:
        first = next((group for group in found if shareable(group[0], Pass(clean))), [])
        asked = {id(one.target) for one in first}
        extra = [Pass(clean, target=target) for key, target in open_targets.items() if key not in asked]
        found = [[*first, *extra], *(group for group in found if group is not first)]
    return found


def run_shared(
    session: Session, group: list[Pass], chunks: list[int], clean: Inputs | None = None
) -> list[Seen | PellucidError]:
    """One group.

    A model that raises does so for every member; where a member's own code ran inside the forward, each member is run
    again alone, so that only the guilty one fails.

    Raises:
        MemoryRanOut: it does not fit and cannot be cut.
    """
    alone = group[0].real and clean is not None and knows_others(session, group[0], clean)
    run = Apart(clean) if alone and clean is not None else _run_of(group[0])
    try:
        return run(session, group)
    except PellucidError as error:
        if isinstance(error, ModelFailed) or len(group) == 1:
            return [error for _ in group]
        return [run_shared(session, [one], chunks, clean)[0] for one in group]
    except Exception as error:
        if not out_of_memory(error):
            raise
    answer = run_halved(session, group, run, chunks)
    if answer is None:
        raise MemoryRanOut
    return answer


def _run_of(one: Pass) -> Run:
    if not one.real:
        return run_unreal
    if one.covered is not None:
        return run_covered
    if makes_variants(one):
        return run_variants
    return run_scores if one.expand > 1 else run_group
