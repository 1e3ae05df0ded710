import torch

from pellucid.engine.storage import storage_of


def test_views_have_one_storage() -> None:
    base = torch.zeros(4, 4)
    assert storage_of(base) == storage_of(base[1:]) == storage_of(base.detach()) != storage_of(base.clone())


def test_what_has_no_storage_is_itself() -> None:
    sparse = torch.eye(3).to_sparse()
    assert storage_of(sparse) == id(sparse)
