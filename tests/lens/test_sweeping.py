from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.core.errors import BadInput, BadRequest, Cancelled, LayerNotFound
from pellucid.lens.sweeping import check_views, folder_of
from pellucid.registry import view

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
        assert any("1 of 13 samples were left out: item 4" in note.en for note in one.notes)
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
