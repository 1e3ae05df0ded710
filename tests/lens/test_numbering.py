"""Labels of a data set in the numbering of the model."""

import numpy as np
import pytest

from pellucid.inputs.data.open import open_data
from pellucid.lens.numbering import in_numbers_of, own_classes


def data(*names: str):
    """Two rows of each class."""
    labels = [name for name in names for _ in range(2)]
    return open_data(np.zeros((len(labels), 3), np.float32), labels=labels)


def test_names_of_the_model_are_numbered_by_it():
    given = data("hen", "cat")
    assert given.classes == ("cat", "hen"), "by themselves they are numbered in the order of their bytes"
    made = in_numbers_of(given, ("dog", "hen", "ape", "cat"))
    assert made.classes == ("dog", "hen", "ape", "cat")
    assert made.labels == (1, 1, 3, 3) and [made.read(i).label for i in range(4)] == [1, 1, 3, 3]
    assert own_classes(made) == own_classes(given) == ("cat", "hen")
    assert made.names == given.names and len(made) == 4 and made.notes == given.notes
    assert made.fingerprint != given.fingerprint, "a sweep with other labels is another one"


def test_capitals_and_underscores_do_not_matter_unless_they_tell_two_apart():
    made = in_numbers_of(data("Ice_Bear", "hen"), ("Hen", "hen", "ice bear"))
    assert made.labels == (2, 2, 1, 1) and not made.notes


@pytest.mark.parametrize("labels", [(), ("ape", "dog")])
def test_without_the_model_s_names_nothing_changes(labels):
    given = data("hen", "cat")
    assert in_numbers_of(given, labels) is given


def test_where_some_are_not_the_model_s_the_labels_stay_and_a_note_tells_which():
    given = data("hen", "catt")
    made = in_numbers_of(given, ("cat", "hen"))
    assert made.labels == given.labels and made.classes == given.classes
    assert "'catt'" in made.notes[0].en and "1 of the 2" in made.notes[0].en and "'catt'" in made.notes[0].say("zh")


def test_a_name_that_two_classes_of_the_model_share_is_doubtful():
    made = in_numbers_of(data("crane", "hen"), ("hen", "crane", "crane"))
    assert made.labels == (1, 1, 0, 0) and "several classes called 'crane'" in made.notes[0].en


def test_labels_that_are_known_only_when_a_sample_is_read():
    class Pictures:
        classes = ("hen", "cat")

        def __len__(self) -> int:
            return 2

        def __getitem__(self, i: int):
            return np.zeros(3, np.float32), i

    made = in_numbers_of(open_data(Pictures()), ("cat", "dog", "hen"))
    assert made.labels == (None, None) and [made.read(i).label for i in range(2)] == [2, 0]
