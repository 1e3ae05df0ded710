from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import pellucid as pl
from pellucid.core.errors import BadInput
from pellucid.inputs.data.open import open_data
from pellucid.inputs.data.preparation import Preparation
from pellucid.inputs.preprocess import Preprocess
from pellucid.lens.feed import Feed

ROWS = torch.arange(7 * 6.0).reshape(7, 6)


def lens() -> pl.Lens:
    return pl.Lens(nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 4)).eval(), preprocess=Preprocess(size=8))


def pictures(folder: Path) -> Feed:
    """Five pictures of two classes; the third is cut short, the fifth is gone when it is read again."""
    for i in range(5):
        (folder / "ab"[i % 2]).mkdir(exist_ok=True, parents=True)
        Image.fromarray(np.full((9, 9, 3), 40 * i, np.uint8)).save(folder / "ab"[i % 2] / f"{i}.png")
    hurt = folder / "a" / "2.png"
    hurt.write_bytes(hurt.read_bytes()[:30])
    one = lens()
    return Feed(open_data(f"folder:{folder}"), Preparation(Preprocess(size=8), dtype=torch.float32), one.read)


def test_batches_hold_every_sample_once_and_say_which_could_not_be_read(tmp_path: Path) -> None:
    feed = pictures(tmp_path)
    assert len(feed) == 5 and feed.classes == ("a", "b")
    names = [feed.name(i) for i in range(5)]
    for size in (1, 2, 9):
        given = list(feed.batches(range(5), size))
        seen = [i for one in given for i in one.ordinals]
        left = {at: why for one in given for at, why in one.left_out}
        assert sorted([*seen, *left]) == list(range(5))
        assert [names[at] for at in left] == ["a/2.png"] and all(left.values())
        assert all((one.x is None) == (not one.ordinals) for one in given)
        for one in given:
            assert one.x is None or one.x.size == len(one.ordinals) == len(one.labels) <= size
            assert [feed.classes[label] for label in one.labels] == [names[i][0] for i in one.ordinals]
    assert [i for one in feed.batches(range(1, 3), 1) for i in one.ordinals] == [
        i for i in (1, 2) if names[i] != "a/2.png"
    ]


def test_samples_are_read_again_as_they_were_seen(tmp_path: Path) -> None:
    feed = pictures(tmp_path)
    (first, *_) = feed.batches(range(5), 9)
    assert first.x is not None
    again = feed.inputs(list(first.ordinals))
    assert torch.equal(again.args[0], first.x.args[0]) and again.canvas(2) is not None
    reversed_ = feed.inputs(list(reversed(first.ordinals)))
    assert torch.equal(reversed_.args[0], first.x.args[0].flip(0))


def test_what_cannot_be_read_again_is_an_error(tmp_path: Path) -> None:
    feed = pictures(tmp_path)
    (tmp_path / "b" / "3.png").unlink()
    gone = next(i for i in range(5) if feed.name(i) == "b/3.png")
    with pytest.raises(BadInput, match=r"'b/3\.png' cannot be read any more"):
        feed.inputs([gone])


def test_a_label_is_known_before_or_when_the_sample_is_read() -> None:
    known = Feed(open_data(ROWS), Preparation(dtype=torch.float32), lens().read)
    assert known.label(0) is None
    items = Feed(open_data([(row, i % 3) for i, row in enumerate(ROWS)]), Preparation(), lens().read)
    assert [items.label(i) for i in range(7)] == [0, 1, 2, 0, 1, 2, 0]


def test_dicts_and_tuples_are_brought_together() -> None:
    rows = [{"x": row, "y": row + 1} for row in ROWS]
    feed = Feed(open_data(rows), Preparation(dtype=torch.float32), lens().read)
    found = feed.inputs([4, 1])
    assert torch.equal(found.kwargs["x"], ROWS[[4, 1]]) and torch.equal(found.kwargs["y"], ROWS[[4, 1]] + 1)


def test_a_label_that_only_reading_tells_is_read_once() -> None:
    read: list[int] = []

    class Items:
        def __len__(self) -> int:
            return 3

        def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
            read.append(i)
            return ROWS[i], i

    feed = Feed(open_data(Items()), Preparation(), pl.Lens(nn.Linear(6, 2)).read)
    assert [feed.label(1) for _ in range(3)] == [1, 1, 1] and read == [1]
    feed.inputs([2])
    assert feed.label(2) == 2 and read == [1, 2]
