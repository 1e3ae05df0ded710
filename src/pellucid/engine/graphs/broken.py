"""The call that raised, or the module whose own code did."""

from collections.abc import Mapping
from dataclasses import dataclass

from pellucid.core.sites import Place
from pellucid.engine.graphs.detail import ModuleCall, Note

Read = tuple[int, tuple[int, ...]]
RAISE = "raise"


@dataclass(frozen=True)
class Broken:
    """What would have been an event.

    Args:
        place: where it would have stood.
        reads: events that made what it was given, with shapes.
        parameters: ids of what came from elsewhere.
        note: what it was given, with the shapes of tensors that are not the model's own as `inputs`.
    """

    place: Place
    reads: list[Read]
    parameters: list[int]
    note: Note


def unfinished(
    module: ModuleCall, given: list[Read], reads: Mapping[int, list[Read]], notes: Mapping[int, Note]
) -> Broken:
    """A module that raised between two calls; it stands behind what it was given or has made and not read.

    Args:
        module: its call.
        given: events that made what it was called with.
        reads, notes: of all events.
    """
    inside = [index for index in reads if index >= module.start]
    used = {maker for index in inside for maker, _ in reads[index]}
    loose = [one for one in given if one[0] not in used]
    loose += [(index, _shape(notes.get(index))) for index in inside if index not in used]
    note = Note({"inputs": tuple(shape for _, shape in given)})
    return Broken(Place(module.path, module.call, RAISE, 0), loose or given, [], note)


def _shape(note: Note | None) -> tuple[int, ...]:
    return note.outputs[0][0] if note is not None and note.outputs else ()
