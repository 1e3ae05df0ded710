import numpy as np
import pytest

from pellucid.core.errors import NotApplicable
from pellucid.core.provenance import Provenance, TargetInfo
from pellucid.core.text import Text
from pellucid.results import Attribution, Base, Gallery, Matrix, Table
from pellucid.results.join import join


def block(start: int, stop: int) -> Attribution:
    rows = np.arange(start, stop, dtype=np.float32)
    return Attribution(
        values=rows[:, None, None] * np.ones((1, 2, 2), np.float32),
        axes=("batch", "height", "width"),
        base=Base("image", np.zeros((stop - start, 4, 4, 3))),
        targets=tuple(TargetInfo(f"class {i}", (i,), float(i)) for i in range(start, stop)),
        facts={"gap": tuple(rows.tolist()), "points": 8},
        notes=(Text("same"),),
        provenance=Provenance("saliency"),
    )


def test_rows_targets_facts_and_bases_lie_one_after_the_other() -> None:
    whole = join([block(0, 2), block(2, 5)])
    assert whole.values[:, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert [info.label for info in whole.targets] == [f"class {i}" for i in range(5)]
    assert whole.provenance is not None and whole.provenance.targets == whole.targets
    assert whole.facts == {"gap": (0, 1, 2, 3, 4), "points": 8} and whole.notes == (Text("same"),)
    assert isinstance(whole, Attribution) and whole.base is not None and whole.base.values is not None
    assert len(whole.base.values) == 5


def test_a_gallery_holds_all_values_and_the_pictures_of_the_first_block() -> None:
    parts = [
        Gallery(values=np.zeros((1, 2)), axes=("batch", "unit"), images=(np.zeros((1, 2)),), captions=(str(i),))
        for i in (0, 1)
    ]
    whole = join(parts)
    assert isinstance(whole, Gallery) and whole.values.shape == (2, 2) and whole.captions == ("0",)


def test_what_summarises_a_batch_cannot_be_joined() -> None:
    with pytest.raises(NotApplicable, match="summarises a whole batch"):
        join([Table(rows=({"a": 1},), columns={"a": Text("a")})] * 2)


def test_examples_of_different_shape_cannot_be_joined() -> None:
    other = Attribution(values=np.zeros((1, 3, 3), np.float32), axes=("batch", "height", "width"))
    with pytest.raises(NotApplicable, match="different shape"):
        join([block(0, 1), other])


def test_facts_of_layers_and_words_of_texts_are_joined() -> None:
    parts = [
        Matrix(
            values=np.zeros((1, 2, 2)),
            axes=("batch", "head", "key"),
            words=((word, "."),),
            facts={"layers": {"a": {"share": (float(i),), "heads": 2}}},
        )
        for i, word in enumerate(("one", "two"))
    ]
    whole = join(parts)
    assert isinstance(whole, Matrix) and whole.words == (("one", "."), ("two", "."))
    assert whole.facts == {"layers": {"a": {"share": (0.0, 1.0), "heads": 2}}}
