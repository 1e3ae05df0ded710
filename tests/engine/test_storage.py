import torch

from pellucid.engine.storage import storage_of, writes_of


def test_views_have_one_storage() -> None:
    base = torch.zeros(4, 4)
    assert storage_of(base) == storage_of(base[1:]) == storage_of(base.detach()) != storage_of(base.clone())


def test_what_has_no_storage_is_itself() -> None:
    sparse = torch.eye(3).to_sparse()
    assert storage_of(sparse) == id(sparse)


def test_writes_are_counted_where_torch_counts_them() -> None:
    tensor = torch.zeros(2)
    tensor.add_(1).mul_(2)
    assert writes_of(tensor) == 2
    with torch.inference_mode():
        assert writes_of(torch.zeros(2).add_(1)) == 0
