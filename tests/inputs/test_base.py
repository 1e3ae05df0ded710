import numpy as np
import pytest
import torch

from pellucid.core.errors import BadInput
from pellucid.inputs.base import base_of
from pellucid.inputs.preprocess import Preprocess


@pytest.mark.parametrize(
    ("shape", "kind", "grid"),
    [
        ((2, 3, 4, 5), "image", (4, 5)),
        ((2, 1, 4, 5), "image", (4, 5)),
        ((2, 7), "features", (7,)),
        ((2, 3, 9), "series", (9,)),
        ((2, 1, 3, 4, 5), "volume", (3, 4, 5)),
        ((2, 4, 5, 6), "array", (4, 5, 6)),
        ((2,), "array", ()),
    ],
)
def test_kind_by_shape(shape, kind, grid) -> None:
    base, _ = base_of(torch.rand(shape))
    assert (base.kind, base.grid) == (kind, grid)


def test_image_by_the_way_back_or_by_its_extremes() -> None:
    x = torch.rand(2, 3, 4, 5) * 2 - 1
    back, notes = base_of(x, preprocess=Preprocess.of("cifar10"))
    np.testing.assert_allclose(back.values, (x.permute(0, 2, 3, 1) + 1) / 2, atol=1e-6)
    assert not back.stretched and notes == ()
    base, notes = base_of(x * 5)
    assert base.stretched and notes == ()
    assert base.values.min((1, 2, 3)).tolist() == [0, 0] and base.values.max((1, 2, 3)).tolist() == [1, 1]


def test_each_picture_is_stretched_alone_and_a_flat_one_is_gray() -> None:
    x = torch.stack([torch.rand(1, 4, 4), torch.full((1, 4, 4), 3.0)])
    base, _ = base_of(x)
    assert (base.values[1] == 0.5).all()
    np.testing.assert_array_equal(base_of(x[:1])[0].values, base.values[:1])


def test_bytes_are_pixels() -> None:
    base, notes = base_of(torch.full((1, 3, 2, 2), 51, dtype=torch.uint8))
    np.testing.assert_allclose(base.values, 0.2, atol=1e-7)
    assert notes == () and not base.stretched


def test_integers_are_tokens() -> None:
    base, _ = base_of(torch.tensor([[5, 6, 7]]))
    assert base.kind == "tokens" and base.names == (("5", "6", "7"),) and base.values is None and base.grid == (3,)


def test_names_of_features_and_channels() -> None:
    assert base_of(torch.rand(2, 2), features=["a", "b"])[0].names == (("a", "b"),)
    assert base_of(torch.rand(2, 2, 9), features=["a", "b"])[0].names == (("a", "b"),)
    with pytest.raises(BadInput, match="3 names for 2 features"):
        base_of(torch.rand(2, 2), features=["a", "b", "c"])


def test_meta_tensors_have_nothing_to_draw() -> None:
    assert base_of(torch.empty(1, 3, 4, 4, device="meta"))[0].values is None
