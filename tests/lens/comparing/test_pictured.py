"""The same picture of several models on one scale."""

import numpy as np
import pytest

from pellucid.core.provenance import TargetInfo
from pellucid.lens.comparing.pictured import side_by_side
from pellucid.results import Attribution, Matrix, Table
from pellucid.results.base import Base


def attribution(values: np.ndarray, picture: np.ndarray | None = None, **more) -> Attribution:
    base = Base("image", np.zeros((len(values), *values.shape[1:], 3)) if picture is None else picture)
    return Attribution(values=values.astype(np.float32), axes=("batch", "height", "width"), base=base, **more)


def test_maps_share_one_scale_and_their_difference_is_theirs():
    one, two = np.full((1, 4, 4), 1.0), np.full((1, 4, 4), 3.0)
    (shown,), apart = side_by_side([attribution(one), attribution(two)], ["a", "b"])
    assert shown.limits == (0.0, 3.0) and [image.max() for image in shown.images] == [1, 3]
    assert np.allclose(apart.values, two - one) and apart.limits == (-3.0, 3.0) and apart.signed
    assert apart.captions[0].en == "b − a"


def test_the_difference_is_antisymmetric():
    one, two = (np.random.default_rng(i).normal(size=(2, 4, 5)) for i in range(2))
    maps = [attribution(one, signed=True), attribution(two, signed=True)]
    (shown,), there = side_by_side(maps, ["a", "b"])
    _, back = side_by_side(maps[::-1], ["b", "a"])
    assert np.array_equal(there.values, -back.values) and shown.limits[0] == -shown.limits[1]
    assert len(shown.images) == 4 and shown.groups[2].en == "Example 2"


def test_equal_maps_have_no_difference():
    one = attribution(np.random.default_rng(0).normal(size=(1, 4, 4)))
    _, apart = side_by_side([one, one, one], ["a", "b", "c"])
    assert (
        not apart.values.any() and len(apart.images) == 2 and all("no difference" in str(note) for note in apart.notes)
    )


def test_small_differences_have_a_finer_scale_and_say_so():
    one = np.random.default_rng(0).uniform(size=(1, 4, 4)) + 1
    (shown,), apart = side_by_side([attribution(one), attribution(one * 1.01)], ["a", "b"])
    assert apart.limits[1] == pytest.approx(0.01 * one.max(), rel=1e-3) and "times finer" in str(apart.notes[-1])
    assert shown.limits[1] == pytest.approx(1.01 * one.max(), rel=1e-5)


def test_maps_of_other_sizes_are_brought_together_where_they_show_the_same():
    picture = np.random.default_rng(0).uniform(size=(1, 8, 8, 3))
    large = picture.repeat(2, 1).repeat(2, 2)
    one, two = attribution(np.ones((1, 8, 8)), picture), attribution(np.ones((1, 16, 16)), large)
    (shown,), apart = side_by_side([one, two], ["a", "b"])
    assert shown.images[1].shape == (16, 16) and apart is not None and np.allclose(apart.values, 0)


def test_other_parts_of_the_input_are_not_subtracted():
    one = attribution(np.ones((1, 8, 8)), np.zeros((1, 8, 8, 3)))
    two = attribution(np.ones((1, 8, 8)), np.ones((1, 8, 8, 3)))
    (shown,), apart = side_by_side([one, two], ["a", "b"])
    assert apart is None and "other parts of the input" in str(shown.notes[-1])


def test_matrices_share_their_limits():
    one, two = (Matrix(values=np.array([[float(i), 2.0]]), axes=("row", "column")) for i in (1, 5))
    shown, apart = side_by_side([one, two], ["a", "b"])
    assert {each.limits for each in shown} == {(0.0, 5.0)} and apart.values.tolist() == [[4, 0]] and apart.signed


def test_what_cannot_be_subtracted_stands_as_it_is():
    tables = [Table(), Table()]
    assert side_by_side(tables, ["a", "b"]) == (tables, None)


def test_maps_that_are_not_finite_are_not_called_the_same():
    one, two = np.ones((1, 4, 4)), np.ones((1, 4, 4))
    two[0, 0, :3] = np.nan
    (shown,), apart = side_by_side([attribution(one), attribution(two)], ["a", "b"])
    assert [str(note) for note in apart.notes] == [
        "b and a cannot be compared: 3 of 16 differences are not finite.",
    ]
    assert shown.facts["largest"] == {"a": 1, "b": 1}


def test_every_example_has_its_own_target_in_the_caption():
    targets = tuple(TargetInfo(f"class {number}", (number,), 1.0) for number in (2, 0, 2))
    one = attribution(np.ones((3, 4, 4)), targets=targets)
    (shown,), _ = side_by_side([one, one], ["a", "b"])
    assert str(shown.notes[0]) == "Explained for class 2, class 0, class 2."
