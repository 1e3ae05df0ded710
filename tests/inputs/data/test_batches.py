import itertools
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pellucid.core.errors import BadInput, BadSetting
from pellucid.inputs.data import batches as batches_module
from pellucid.inputs.data.batches import Batch, batches
from pellucid.inputs.data.data import Bad, Data, Sample
from pellucid.inputs.data.open import open_data
from pellucid.inputs.data.preparation import Preparation
from pellucid.inputs.preprocess import Preprocess
from tests.inputs.data.files import encoded, pixels
from tests.inputs.data.test_preparation import Words

SMALL = Preprocess(size=8)


class Slow:
    """Numbers that take a while, some of them bad, read in threads; remembers how far it was read."""

    classes: tuple[str, ...] = ()
    notes = ()
    covers = "nothing"

    def __init__(self, values: Sequence[object], most_threads: int = 64, wait: float = 0.0) -> None:
        self.values, self.most_threads, self.wait = values, most_threads, wait
        self.taken: list[int] = []
        self.threads: set[str] = set()

    def __len__(self) -> int:
        return len(self.values)

    def name(self, ordinal: int) -> str:
        return f"n{ordinal}"

    def label(self, ordinal: int) -> int | None:
        return None

    def take(self, ordinal: int) -> Sample:
        self.taken.append(ordinal)
        self.threads.add(threading.current_thread().name)
        time.sleep(self.wait * (ordinal % 3))
        if isinstance(self.values[ordinal], Exception):
            raise self.values[ordinal]
        return Sample(self.values[ordinal], ordinal % 5)

    def identity(self, content: bool):
        yield ""


def told(given: Sequence[Batch]) -> list:
    return [
        (
            one.ordinals.tolist(),
            None if one.x is None else {name: value.tolist() for name, value in one.x.tensors.items()},
            one.labels.tolist(),
            one.bad,
        )
        for one in given
    ]


def of(values: Sequence[object], **how: object) -> Data:
    return Data(Slow(values, **how), "slow")


@pytest.mark.parametrize("threads", [0, 1, 4])
@pytest.mark.parametrize("batch_size", [1, 4, 7, 100])
def test_the_same_batches_whatever_reads_them(threads: int, batch_size: int) -> None:
    values = [ValueError("bad") if i % 6 == 5 else torch.full((2 + (i > 13),), float(i)) for i in range(23)]
    given = list(batches(of(values, wait=0.001), Preparation(), range(2, 22), batch_size=batch_size, threads=threads))
    assert told(given) == told(list(batches(of(values), Preparation(), range(2, 22), batch_size=batch_size, threads=0)))
    seen = [ordinal for one in given for ordinal in one.ordinals.tolist()]
    bad = [one.ordinal for batch in given for one in batch.bad]
    assert seen == [i for i in range(2, 22) if i % 6 != 5] and bad == [5, 11, 17]
    for one in given:
        assert one.x.args[0][:, 0].tolist() == one.ordinals.tolist() and len(one) <= batch_size
        assert one.labels.tolist() == [i % 5 for i in one.ordinals.tolist()]


def test_neighbours_of_one_shape_make_a_batch() -> None:
    values = [torch.zeros(n) for n in (3, 3, 3, 5, 3, 5, 5)]
    given = [one.ordinals.tolist() for one in batches(of(values), Preparation(), batch_size=2)]
    assert given == [[0, 1], [2], [3], [4], [5, 6]]
    kinds = [torch.zeros(2), torch.zeros(2, dtype=torch.int64), {"a": torch.zeros(2)}, (torch.zeros(2), torch.zeros(2))]
    assert [len(one) for one in batches(of(kinds), Preparation())] == [1, 1, 1, 1]


def test_bad_samples_at_the_end_and_alone_are_told() -> None:
    given = list(batches(of([torch.zeros(1), ValueError("a"), ValueError("b")]), Preparation(), batch_size=1))
    assert [len(one) for one in given] == [1, 0] and given[1].x is None
    assert [one.reason for one in given[1].bad] == ["ValueError: a", "ValueError: b"]
    assert list(batches(of([1.0]), Preparation(), [])) == []


def test_bad_samples_do_not_heap_up() -> None:
    values = [torch.zeros(1), *[ValueError("a")] * 600, torch.zeros(1)]
    given = list(batches(of(values), Preparation(), batch_size=2))
    assert [len(one.bad) for one in given] == [256, 256, 88]
    assert [one.ordinals.tolist() for one in given] == [[], [], [0, 601]]


def test_reading_runs_ahead_but_not_away() -> None:
    reader = Slow([torch.zeros(1)] * 1000)
    going = batches(Data(reader, ""), Preparation(), batch_size=5, threads=2)
    next(going)
    time.sleep(0.05)
    assert 5 < len(reader.taken) <= 5 + 2 * 5
    going.close()
    time.sleep(0.05)
    count = len(reader.taken)
    assert count <= 20 and not [one for one in threading.enumerate() if one.name.startswith("pellucid-read")]


def test_large_samples_are_not_read_far_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches_module, "LARGEST_AHEAD", 40_000)
    monkeypatch.setattr(batches_module, "LARGEST_BATCH", 100_000)
    reader = Slow([torch.zeros(5000)] * 100)
    going = batches(Data(reader, ""), Preparation(), batch_size=20, threads=1)
    assert len(next(going)) == 5  # of 20,000 bytes each
    for batch in itertools.islice(going, 3):
        assert len(batch) == 5
    time.sleep(0.05)
    assert len(reader.taken) <= 2 * 20 + 20
    going.close()


def test_an_interrupt_ends_the_threads() -> None:
    class Interrupted(Slow):
        def take(self, ordinal: int) -> Sample:
            if ordinal == 7:
                raise KeyboardInterrupt
            return super().take(ordinal)

    with pytest.raises(KeyboardInterrupt):
        list(batches(Data(Interrupted([torch.zeros(1)] * 50), ""), Preparation(), batch_size=2, threads=2))
    assert not [one for one in threading.enumerate() if one.name.startswith("pellucid-read")]


def test_objects_of_others_are_read_in_the_callers_thread() -> None:
    seen = set()

    class Own:
        def __len__(self) -> int:
            return 9

        def __getitem__(self, i: int) -> float:
            seen.add(threading.current_thread())
            return float(i)

    list(batches(open_data(Own()), Preparation(), threads=4))
    assert seen == {threading.current_thread()}
    reader = Slow([torch.zeros(1)] * 20, most_threads=1, wait=0.001)
    list(batches(Data(reader, ""), Preparation(), threads=4))
    assert len(reader.threads) == 1 and threading.current_thread().name not in reader.threads


def test_texts_are_tokenized_in_the_callers_thread() -> None:
    seen = set()

    class Own(Words):
        def __call__(self, *texts: object, **how: object) -> dict:
            seen.add(threading.current_thread())
            return super().__call__(*texts, **how)

    data = of(["abc", "", "de", "f" * 11, "gh"])
    given = list(batches(data, Preparation(tokenizer=Own()), batch_size=2, threads=3))
    assert seen == {threading.current_thread()}
    assert [one.ordinals.tolist() for one in given] == [[0, 2], [4]]
    assert given[0].x.kwargs["input_ids"].shape == (2, 3)
    assert [one.reason for one in (*given[0].bad, *given[1].bad)] == [
        "The text is empty.",
        "The text is 11 tokens long; the model takes 10.",
    ]


def test_what_the_model_lacks_is_no_bad_sample() -> None:
    for threads in (0, 2):
        with pytest.raises(BadInput, match="need the model's preprocessing"):
            list(batches(of([Image.new("RGB", (9, 9))]), Preparation(), threads=threads))


def test_a_preprocessing_that_raises_makes_bad_samples(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(pixels()))
    given = list(batches(open_data(tmp_path), Preparation(lambda picture: 1 / 0)))
    assert given[0].bad == (Bad(0, "a.png", "ZeroDivisionError: division by zero", "failed"),)


def test_words_without_a_tokenizer_are_paths(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(pixels()))
    given = list(batches(open_data([str(tmp_path / "a.png"), str(tmp_path / "none.png")]), Preparation(SMALL)))
    assert given[0].ordinals.tolist() == [0] and given[0].bad[0].reason == "There is no file 'item 1'."


@pytest.mark.parametrize("how", [{"batch_size": 0}, {"threads": -1}])
def test_settings_without_sense(how: dict) -> None:
    with pytest.raises(BadSetting, match="at least"):
        batches(of([1.0]), Preparation(), **how)


def test_a_folder_as_a_lens_would_see_it(tmp_path: Path) -> None:
    for i in range(9):
        (tmp_path / f"{i}.png").write_bytes(encoded(pixels(20 + i, 30, seed=i)) if i != 4 else b"none")
    given = list(batches(open_data(tmp_path), Preparation(SMALL), batch_size=4))
    assert [one.ordinals.tolist() for one in given] == [[0, 1, 2, 3], [5, 6, 7, 8]]
    assert given[1].bad[0].name == "4.png" and given[0].x.args[0].shape == (4, 3, 8, 8)
    expected = SMALL(Image.fromarray(pixels(27, 30, seed=7)))
    assert torch.equal(given[1].x.args[0][2:3], expected)
    own_size = list(batches(open_data(tmp_path), Preparation(Preprocess()), batch_size=4))
    assert [len(one) for one in own_size] == [1] * 8


def test_notes_of_how_pictures_were_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(np.zeros((9, 9), np.uint16)))
    assert "257" in next(batches(open_data(tmp_path), Preparation(SMALL))).notes[0].en
