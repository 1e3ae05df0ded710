"""Photographs cut into pieces."""

import numpy as np
from PIL import Image

from pellucid.inputs.data.data import Data
from pellucid.zoo.crops import Crops


def test_the_pieces_put_together_are_the_photographs(tmp_path):
    draw = np.random.default_rng(0)
    whole = [draw.integers(0, 255, shape, dtype=np.uint8) for shape in ((31, 20, 3), (12, 47, 3))]
    paths = [tmp_path / f"{name}.png" for name in ("hen", "cat")]
    for values, path in zip(whole, paths, strict=True):
        Image.fromarray(values).save(path)
    data = Data(Crops(paths, ("hen", "cat")), "crops")
    assert len(data) == 18 and data.labels == (0,) * 9 + (1,) * 9 and data.names[8:10] == ("hen 9", "cat 1")
    samples = [data.read(i) for i in range(18)]
    assert [one.label for one in samples] == list(data.labels)
    pieces = [np.asarray(one.x) for one in samples]
    for i, values in enumerate(whole):
        rows = [np.concatenate(pieces[9 * i + 3 * row : 9 * i + 3 * row + 3], 1) for row in range(3)]
        assert np.array_equal(np.concatenate(rows), values)


def test_other_pieces_are_another_data_set(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (9, 9)).save(path)
    prints = [Data(Crops([path], ("a",), across), "crops").fingerprint for across in (2, 3, 3)]
    assert prints[0] != prints[1] == prints[2]
