from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.core.errors import BadInput, BadRequest, Cancelled, LayerNotFound
from pellucid.engine.sweeps.reducers import ClassMeans
from pellucid.engine.sweeps.request import Sweep
from pellucid.lens.sweeping import check_views, folder_of, names_data
from pellucid.registry import method, view
from pellucid.render.report import save_report
from pellucid.results import Table
from pellucid.results.encode import decode, encode

ROWS = torch.randn(13, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


def top(layer: str = "0", **settings: Any) -> Any:
    return pl.top_regions(layer=layer, k=3, **settings)


def test_only_views_over_data_are_swept() -> None:
    with pytest.raises(BadRequest, match="at least one view"):
        check_views([])
    with pytest.raises(BadRequest, match="looks at an input, not at a data set"):
        check_views([view("saliency")])
    check_views([top()])


def test_going_on_needs_a_folder(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="needs the folder"):
        folder_of(None, True)
    assert folder_of(None, False) is None and folder_of(str(tmp_path), True) == tmp_path


def test_views_share_one_run() -> None:
    calls: list[int] = []
    model = net()
    model.register_forward_pre_hook(lambda _, args: calls.append(len(args[0])))
    pl.Lens(model).sweep(ROWS, top("0"), top("1"), batch_size=5)
    assert calls.count(5) == 2


def test_a_layer_that_is_not_there_is_refused_before_anything_runs() -> None:
    with pytest.raises(LayerNotFound, match="9"):
        pl.Lens(net()).sweep(ROWS, top("9"))


def test_results_are_signed_and_say_which_samples_were_left_out() -> None:
    rows = [ROWS[i] if i != 4 else torch.full((3, 8, 8), torch.nan) for i in range(13)]
    found = pl.Lens(net()).sweep(rows, top("0"), batch_size=5)[0]
    for one in found if isinstance(found, tuple) else (found,):
        assert one.facts["samples"] == 12
        assert [name for name, _ in one.facts["left out"]] == ["item 4"]
        assert any("1 of 13 samples was left out: item 4" in note.en for note in one.notes)
        assert one.provenance.method == "top_regions" and one.provenance.seed == 0


def test_nothing_readable_is_an_error() -> None:
    with pytest.raises(BadInput, match="none of the 3 samples can be read"):
        pl.Lens(net()).sweep([torch.full((3, 8, 8), torch.nan)] * 3, top("0"))


def test_a_cancelled_sweep_goes_on_with_the_same_bytes(tmp_path: Path) -> None:
    lens = pl.Lens(net())
    whole = lens.sweep(ROWS, top("0"), batch_size=2)[0]
    for k in range(1, 7):
        told = 0

        def stop(progress: Any, k: int = k) -> None:
            nonlocal told
            told += progress.samples is not None
            if told > k:
                raise Cancelled("enough")

        folder = tmp_path / str(k)
        lens.sweep(ROWS, top("0"), batch_size=2, folder=folder, progress=stop)
        assert (folder / "sweep_1" / "plan.json").exists()
        again = lens.sweep(ROWS, top("0"), batch_size=2, folder=folder, resume=True)[0]
        assert [one.digest for one in again] == [one.digest for one in whole]


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


def test_the_line_that_makes_it_again_opens_the_data_where_words_do(lens: pl.Lens, tmp_path: Path) -> None:
    assert lens.sweep(Rows(), class_means_of_a_test())[0].code.endswith("(lens, data)")
    np.save(tmp_path / "x.npy", np.ones((6, 5), np.float32))
    assert lens.sweep(f"npy:{tmp_path}/x.npy", class_means_of_a_test())[0].code.endswith(f"'npy:{tmp_path}/x.npy')")


def test_what_may_be_an_input_too_is_data_where_it_was_opened_or_is_named_so() -> None:
    rows = torch.rand(4, 3, 8, 8)
    assert names_data(pl.data(rows, layout="N...")) and names_data("folder:photos") and names_data("npz:x.npz#a")
    assert not any(map(names_data, (rows, "cat.jpg", "npz", "a text: of words", None)))
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.Flatten()).eval()
    view = pl.activation_maximization(layer="0", channels=1, n_steps=1, k=0)
    assert "samples" in view(model, pl.data(rows, layout="N..."))[0].facts
    assert "samples" not in view(model, rows)[0].facts
