from pathlib import Path

import pytest
import torch
from torch import nn

from pellucid.core.errors import BadWeights
from pellucid.zoo.weights import load_weights


def network(classes: int = 3) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.Flatten(),
        nn.LazyLinear(classes) if classes == 0 else nn.Linear(4, classes),
    )


def saved(content: object, folder: Path) -> Path:
    torch.save(content, folder / "a.pth")
    return folder / "a.pth"


def equal(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(one, two) for one, two in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


@pytest.mark.parametrize(
    "prefix", ["", "module.", "_orig_mod.", "model.", "module._orig_mod.", "model.module.", "model._orig_mod."]
)
def test_prefixes_of_wrappers_are_taken_off(tmp_path: Path, prefix: str) -> None:
    source, model = network(), network()
    path = saved({prefix + name: value for name, value in source.state_dict().items()}, tmp_path)
    notes = load_weights(model, path)
    assert equal(source, model) and bool(notes) == bool(prefix)
    assert not prefix or all(part in notes[0].en for part in prefix.replace(".", ". ").split())


def test_a_model_with_such_names_of_its_own_keeps_them(tmp_path: Path) -> None:
    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = network()

    source, model = Outer(), Outer()
    assert load_weights(model, saved(source.state_dict(), tmp_path)) == () and equal(source, model)
    path = saved({f"module.{name}": value for name, value in source.state_dict().items()}, tmp_path)
    assert "'module.'" in load_weights(model, path)[0].en


def test_a_compiled_part_inside(tmp_path: Path) -> None:
    source, model = network(), network()
    path = saved(
        {name.replace("0.", "0._orig_mod.", 1): value for name, value in source.state_dict().items()}, tmp_path
    )
    load_weights(model, path)
    assert equal(source, model)


def test_nothing_changes_unless_all_fits(tmp_path: Path) -> None:
    model = network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    entries = network().state_dict()
    entries["3.weight"] = torch.zeros(7, 4)
    entries["4.weight"] = torch.zeros(1)
    del entries["0.bias"]
    with pytest.raises(BadWeights) as caught:
        load_weights(model, saved(entries, tmp_path))
    words = caught.value.what
    assert "1 missing (0.bias)" in words and "1 unexpected (4.weight)" in words
    assert "1 of another shape (3.weight float32 (7, 4) in the file, float32 (3, 4) in the model)" in words
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_another_number_of_classes_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadWeights, match="2 of another shape") as caught:
        load_weights(network(3), saved(network(5).state_dict(), tmp_path))
    assert "number of classes" in caught.value.hint


def test_another_architecture_is_named_and_lists_are_cut_at_ten(tmp_path: Path) -> None:
    entries = {f"layer{i}.weight": torch.zeros(1) for i in range(25)}
    with pytest.raises(BadWeights, match=r"25 unexpected \(layer0.*layer9.weight and 15 more\)") as caught:
        load_weights(network(), saved(entries, tmp_path))
    assert "another architecture" in caught.value.hint


def test_whole_numbers_do_not_become_weights(tmp_path: Path) -> None:
    entries = network().state_dict()
    entries["3.weight"] = torch.zeros(3, 4, dtype=torch.int8)
    with pytest.raises(BadWeights, match=r"int8 \(3, 4\) in the file"):
        load_weights(network(), saved(entries, tmp_path))


def test_half_precision_files_fill_full_precision_models(tmp_path: Path) -> None:
    source, model = network().half(), network()
    load_weights(model, saved(source.state_dict(), tmp_path))
    assert torch.equal(model[0].weight, source[0].weight.float())


def test_shared_weights_and_batch_counters_may_be_left_out(tmp_path: Path) -> None:
    source, model = network(4), network(4)
    for one in (source, model):
        one.append(nn.Linear(4, 4))
        one[4].weight = one[3].weight
    entries = {
        name: value for name, value in source.state_dict().items() if name not in ("4.weight", "1.num_batches_tracked")
    }
    notes = load_weights(model, saved(entries, tmp_path))
    assert equal(source, model) and model[4].weight is model[3].weight
    assert "'4.weight' shares the weights of '3.weight'" in notes[0].en and "1 batch counters" in notes[1].en


def test_uninitialised_layers_take_their_size_from_the_file(tmp_path: Path) -> None:
    model = network(0)
    model[3] = nn.LazyLinear(3)
    load_weights(model, saved(network().state_dict(), tmp_path))
    assert model[3].weight.shape == (3, 4)


def test_weights_that_are_not_finite_are_told(tmp_path: Path) -> None:
    source = network()
    source[3].weight.data[0, 0] = float("nan")
    notes = load_weights(network(), saved(source.state_dict(), tmp_path))
    assert "1 of 9 tensors hold NaN" in notes[0].en and "'3.weight'" in notes[0].zh
