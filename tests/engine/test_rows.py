import pytest
import torch

from pellucid.engine.rows import CPU_ROWS, DEVICE_ROWS, VARIANT_ROWS, rows_per_pass, variants_per_pass
from pellucid.inputs.read import read


def test_small_inputs_get_more_rows_than_large_ones():
    sides = {side: rows_per_pass(read(torch.zeros(1, 3, side, side)), None) for side in (32, 224, 512, 4096)}
    assert sides[32] == CPU_ROWS and 8 <= sides[224] <= 32 and 1 < sides[512] < sides[224] and sides[4096] == 1


def test_a_batch_gets_as_many_rows_as_its_members():
    assert len({rows_per_pass(read(torch.zeros(size, 3, 224, 224)), None) for size in (1, 2, 7)}) == 1


@pytest.mark.parametrize("batch_size", [1, 5, 1000])
def test_what_the_user_asks_for_is_kept(batch_size):
    assert rows_per_pass(read(torch.zeros(1, 3, 224, 224)), batch_size) == batch_size


def test_tokens_count_as_their_embeddings():
    tokens = torch.zeros(1, 512, dtype=torch.int64)
    assert rows_per_pass(read(tokens), None) < rows_per_pass(read(tokens[:, :16]), None)


def test_an_accelerator_takes_more():
    assert rows_per_pass(read(torch.zeros(1, 3, 64, 64, device="meta")), None) == DEVICE_ROWS


def test_variants_of_a_small_layer_share_one_pass():
    assert variants_per_pass(torch.zeros(2, 2048, 7, 7), None) > 128
    assert variants_per_pass(torch.zeros(1, 8, 4, 4), None) == VARIANT_ROWS
    assert variants_per_pass(torch.zeros(1, 64, 224, 224), None) == 10
    assert variants_per_pass(torch.zeros(1, 64, 2048, 2048), None) == 1
    assert variants_per_pass(torch.zeros(1, 8, 4, 4), 3) == 3
