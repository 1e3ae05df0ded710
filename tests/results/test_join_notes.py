import numpy as np

from pellucid.core.text import Text
from pellucid.results import Matrix
from pellucid.results.join import join


def joined(*blocks):
    parts = [Matrix(values=np.zeros((2, 1, 1)), axes=("batch", "row", "column"), notes=notes) for notes in blocks]
    return join(parts).notes


def test_what_all_blocks_say_is_said_once():
    note = Text("One.", "一。", aside=True)
    assert joined((note,), (note,)) == (note,)


def test_what_differs_in_numbers_and_names_stands_once_with_its_examples():
    notes = [
        (Text(f"In the first 2 examples most goes to '{name}' (0.{i}).", f"最多的是“{name}”。"),)
        for i, name in enumerate("abc")
    ]
    (note,) = joined(*notes)
    assert (
        note.en
        == "Examples 1 to 2: In the first 2 examples most goes to 'a' (0.0). Others have other numbers or names."
    )
    assert note.say("zh") == "样本 1 至 2：最多的是“a”。其余样本的数字或名称有所不同。" and not note.aside


def test_what_some_blocks_say_names_their_examples():
    note = Text("Empty.", "空。")
    assert joined((), (note,)) == (Text("Examples 3 to 4: Empty.", "样本 3 至 4：空。"),)
    (several,) = joined(*[()], *[(note,)] * 4)
    assert several.en == "Examples 3 to 4, 5 to 6, 7 to 8 and others: Empty." and "等：" in several.zh


def test_notes_of_one_block_that_are_alike_all_stay():
    notes = tuple(Text(f"Without head {i} it changes by {i}.") for i in range(3))
    assert joined(notes, notes) == notes
    assert len(joined(notes, tuple(Text(f"Without head {i} it changes by {i + 1}.") for i in range(3)))) == 3


def test_a_caution_is_not_hidden_by_what_is_none():
    fine, far = Text("Misses by 1e-07.", aside=True), Text("Misses by 0.3.")
    assert [note.aside for note in joined((fine,), (far,))] == [True, False]
