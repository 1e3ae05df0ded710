"""Where a forward ended that raised."""

from pellucid.engine.graphs.broken import RAISE, unfinished
from pellucid.engine.graphs.detail import ModuleCall, Note


def note(*shape: int) -> Note:
    return Note(outputs=((shape, "float32"),))


def test_a_module_that_raised_stands_behind_what_nobody_has_read() -> None:
    module = ModuleCall("block", 1, "Block", 0, start=1)
    reads = {0: [(-1, (2, 3))], 1: [(0, (2, 4))], 2: [(1, (2, 5))], 3: [(1, (2, 5))]}
    notes = {0: note(2, 4), 1: note(2, 5), 2: note(2, 6), 3: note(2, 7)}
    found = unfinished(module, [(0, (2, 4)), (-2, (9,))], reads, notes)
    assert (found.place.path, found.place.call, found.place.op) == ("block", 1, RAISE)
    assert found.reads == [(-2, (9,)), (2, (2, 6)), (3, (2, 7))]
    assert found.note.attributes["inputs"] == ((2, 4), (9,)) and found.parameters == []


def test_a_module_that_raised_at_once_stands_behind_its_inputs() -> None:
    module = ModuleCall("block", 0, "Block", 0, start=1)
    assert unfinished(module, [(0, (2, 4))], {0: []}, {0: note(2, 4)}).reads == [(0, (2, 4))]
