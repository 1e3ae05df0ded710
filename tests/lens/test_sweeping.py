"""`Lens.sweep`: what every result of a data set states, and which labels reach the methods."""

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.core.errors import BadInput, BadRequest, Cancelled
from pellucid.engine.sweeps.reducers import ClassMeans
from pellucid.engine.sweeps.request import Sweep
from pellucid.registry import method
from pellucid.render.report import save_report
from pellucid.results import Table
from pellucid.results.encode import decode, encode


@method(title="Means", question="?", shows="", cannot="", check="", needs="", formula="", paper="", steps="")
def class_means_of_a_test(data, layer: "pl.Layer" = "0"):
    """How many samples of each class there are.

    Returns:  Table with a row for each class that has some.
    """
    wish = ClassMeans(layer, 4)
    swept = yield from Sweep([wish])
    (one,) = swept.at(wish)
    counts = one.state["count"].reshape(4, -1)[:, 0].tolist()
    rows = tuple({"class": data.classes[i], "count": int(n)} for i, n in enumerate(counts) if n)
    return Table(rows=rows, columns={"class": "class", "count": "count"}, facts=swept.facts, notes=swept.notes)


class Rows:
    """Ten rows, of which the fourth cannot be read; two classes by name."""

    classes = ("hen", "cat")

    def __len__(self) -> int:
        return 10

    def __getitem__(self, i: int) -> tuple[np.ndarray, int]:
        if i == 3:
            raise ValueError("broken on purpose")
        return np.full(5, i, np.float32), i % 2


@pytest.fixture
def lens():
    torch.manual_seed(0)
    return pl.Lens(nn.Sequential(nn.Linear(5, 4), nn.ReLU()), labels=["cat", "dog", "hen", "ape"])


def test_labels_reach_the_methods_in_the_numbers_of_the_model(lens):
    table = lens.sweep(Rows(), class_means_of_a_test())[0]
    assert {row["class"]: row["count"] for row in table.rows} == {"hen": 5, "cat": 4}


def test_every_result_states_the_data_set_and_what_is_missing(lens):
    about = lens.sweep(Rows(), class_means_of_a_test())[0].facts["data"]
    assert (about["samples"], about["read"], about["classes"]) == (10, 9, 2)
    assert about["left out"] == (("item 3", "ValueError: broken on purpose"),) and len(about["fingerprint"]) == 64


def test_results_open_and_are_reported_without_the_model(lens, tmp_path):
    table = decode(encode(lens.sweep(Rows(), class_means_of_a_test())[0]))
    page = save_report([table], tmp_path / "x.html").read_text(encoding="utf-8")
    assert "What it has learned" in page and "9 of 10" in page and "broken on purpose" in page


def test_a_bad_sample_ends_the_sweep_where_that_is_wanted(lens):
    with pytest.raises(BadInput, match="'item 3' cannot be read: ValueError: broken on purpose"):
        lens.sweep(Rows(), class_means_of_a_test(), on_bad="fail")


def test_what_was_stopped_is_a_failure_and_is_gone_on_with(lens, tmp_path):
    def stop(at):
        if at.samples and at.samples[0] >= 4:
            raise Cancelled("enough")

    folder = tmp_path / "run"
    whole = lens.sweep(Rows(), class_means_of_a_test(), batch_size=2)[0]
    stopped = lens.sweep(Rows(), class_means_of_a_test(), batch_size=2, folder=folder, progress=stop)
    assert isinstance(stopped.failures[0].error, Cancelled)
    again = lens.sweep(Rows(), class_means_of_a_test(), batch_size=2, folder=folder, resume=True)[0]
    assert again == whole, "the same digest"


@pytest.mark.parametrize(
    ("views", "said"), [((), "at least one view"), (("saliency",), "looks at an input, not at a data set")]
)
def test_what_cannot_be_swept_with_is_refused(lens, views, said):
    with pytest.raises(BadRequest, match=said):
        lens.sweep(Rows(), *views)


def test_going_on_needs_a_folder(lens):
    with pytest.raises(BadRequest, match="needs the folder"):
        lens.sweep(Rows(), class_means_of_a_test(), resume=True)
