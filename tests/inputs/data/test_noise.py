"""White noise as a data set."""

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.core.errors import BadInput
from pellucid.inputs.data.data import Sample
from pellucid.inputs.data.noise import Noise, open_noise, shaped
from pellucid.inputs.data.preparation import NotStated
from pellucid.inputs.preprocess import Preprocess


def samples(words: str) -> list[np.ndarray]:
    data = pl.data(words)
    read = [data.read(i) for i in range(len(data))]
    assert all(isinstance(one, Sample) for one in read)
    return [one.x for one in read]  # type: ignore[union-attr]


def test_samples_are_white_with_the_deviation_that_is_stated() -> None:
    values = np.stack(samples("noise:400#3x4x5,sd=0.5")).reshape(400, -1).astype(np.float64)
    assert values.shape == (400, 60)
    count = values.size
    assert abs(values.mean()) < 4 * 0.5 / count**0.5
    assert abs((values**2).mean() / 0.25 - 1) < 4 * (2 / count) ** 0.5
    correlations = np.asarray(np.corrcoef(values.T))[np.triu_indices(60, 1)]
    assert abs(correlations.std() * 400**0.5 - 1) < 0.1
    assert abs(correlations).max() < 5 / 400**0.5


def test_a_sample_is_a_function_of_its_number_and_the_seed_alone() -> None:
    few, many, other = samples("noise:3#2x7"), samples("noise:9#2x7"), samples("noise:3#2x7,seed=1")
    assert all(np.array_equal(one, two) for one, two in zip(few, many, strict=False))
    assert len({one.tobytes() for one in (*many, *other)}) == 12
    assert few[0].dtype == np.float32 and few[0].shape == (2, 7)


def test_it_is_known_as_a_data_set() -> None:
    data = pl.data("noise:5#3x8x8")
    assert (len(data), data.classes, data.name(2), data.label(2)) == (5, (), "noise 2", None)
    assert data.said == "noise:5#3x8x8" and data.fingerprint_covers == "content"
    prints = {pl.data(words).fingerprint for words in ("noise:5#3x8x8", "noise:5#3x8x8,seed=2", "noise:5#3x8x8,sd=2")}
    assert len(prints) == 3
    assert data.fingerprint == pl.data("noise:5#3x8x8").fingerprint


@pytest.mark.parametrize(
    "words",
    [
        *("noise:", "noise:many", "noise:0", "noise:-3", "noise:4.5", "noise:4#0x3", "noise:4#sd=0", "noise:4#sd=inf"),
        *("noise:4#seed=-1", "noise:4#seed=a", "noise:4#mean=1", "noise:4#3x", "noise:4#sd", "noise:4#,"),
    ],
)
def test_what_is_no_noise_is_refused(words: str) -> None:
    with pytest.raises(BadInput, match="noise"):
        pl.data(words)


def test_settings_of_other_sources_are_refused() -> None:
    with pytest.raises(pl.BadSetting, match="takes no labels"):
        pl.data("noise:4#3", labels=[0, 1, 0, 1])


@pytest.mark.parametrize(
    ("preprocess", "shape"),
    [
        (Preprocess(size=32), (3, 32, 32)),
        (Preprocess(size=(16, 24), channels=1), (1, 16, 24)),
        (Preprocess(by=lambda picture: torch.zeros(3, 8, 9)), (3, 8, 9)),
    ],
)
def test_the_shape_is_that_of_the_preprocessing(preprocess: Preprocess, shape: tuple[int, ...]) -> None:
    (sample,) = samples("noise:1#" + "x".join(map(str, shape)))
    read = shaped(pl.data("noise:1"), preprocess).read(0)
    assert isinstance(read, Sample) and np.array_equal(read.x, sample)


def test_other_data_and_stated_shapes_stay() -> None:
    rows, stated = pl.data(np.zeros((3, 2), np.float32)), pl.data("noise:2#4")
    assert shaped(rows, None) is rows
    assert shaped(stated, Preprocess(size=32)) is stated


@pytest.mark.parametrize("preprocess", [None, Preprocess()])
def test_without_a_shape_it_says_how_to_state_one(preprocess: Preprocess | None) -> None:
    with pytest.raises(NotStated, match="shape") as caught:
        shaped(pl.data("noise:4"), preprocess)
    assert "noise:4096#3x224x224" in caught.value.hint
    with pytest.raises(NotStated):
        Noise(4).take(0)


def test_a_model_takes_it_as_it_is() -> None:
    """In single and double precision; the preprocessing of the lens does not touch it."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 2)).eval()
    lens = pl.Lens(model, preprocess=Preprocess((0.5,), (0.1,), size=4))
    seen = lens.sweep("noise:6", pl.embedding(layer="0", samples=6, thumbnails=2))[0]
    assert "white noise" in " ".join(note.en for note in seen.notes)
    double = pl.Lens(model.double()).sweep("noise:6#3x4x4", pl.embedding(layer="0", samples=6, thumbnails=0))[0]
    np.testing.assert_allclose(np.abs(seen.values), np.abs(double.values), atol=1e-5)


def test_open_noise_reads_its_words_in_any_order() -> None:
    made = open_noise("7", "seed=3, sd=0.25, 2x3")
    assert (made.count, made.seed, made.white, made.shape) == (7, 3, 0.25, (2, 3))


def test_a_number_that_is_none_is_named_with_what_would_be_one() -> None:
    with pytest.raises(BadInput, match="'abc' is no whole number from 1 to 4,294,967,295"):
        open_noise("abc", None)


def test_without_a_number_it_is_one_of_samples_that_is_missing() -> None:
    with pytest.raises(BadInput, match="'noise:' names no number of samples"):
        pl.data("noise:")
