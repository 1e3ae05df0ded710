import pytest

from pellucid.core.errors import BadInput
from pellucid.inputs.call import bound_names, check_count


def two(image, mask=None): ...


def anything(*args, **kwargs): ...


def one(batch): ...


def test_names_that_fit() -> None:
    assert bound_names({"image": 1, "mask": 2}, two, may_drop=False) == (["image", "mask"], [])
    assert bound_names({"other": 1}, anything, may_drop=False) == (["other"], [])
    assert bound_names({"other": 1}, None, may_drop=False) == (["other"], [])


def test_a_tokenizer_may_leave_names_over() -> None:
    assert bound_names({"image": 1, "token_type_ids": 2}, two, may_drop=True) == (["image"], ["token_type_ids"])


def test_unknown_and_missing_names() -> None:
    with pytest.raises(BadInput, match="no parameter 'msk'") as caught:
        bound_names({"image": 1, "msk": 2}, two, may_drop=False)
    assert "'mask'" in caught.value.nearest
    with pytest.raises(BadInput, match="also needs 'image'"):
        bound_names({"mask": 1}, two, may_drop=False)
    with pytest.raises(BadInput, match="no parameter") as caught:
        bound_names({"a": 1, "b": 2}, one, may_drop=False)
    assert "wrap the model" in caught.value.hint


def test_count() -> None:
    check_count([1, 2], two)
    check_count([1] * 9, anything)
    check_count([1] * 9, None)
    with pytest.raises(BadInput, match="2 inputs were given; the model's forward takes 1: batch") as caught:
        check_count([1, 2], one)
    assert "torch.stack" in caught.value.hint
