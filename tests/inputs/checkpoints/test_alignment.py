import pytest
import torch

from pellucid.inputs.checkpoints.alignment import best_reading
from pellucid.inputs.checkpoints.wrapping import Tensors

WANTED = {"conv.weight", "conv.bias", "fc.weight"}


def named(*names: str) -> Tensors:
    return {name: torch.zeros(1) for name in names}


@pytest.mark.parametrize(
    "prefix",
    ["", "module.", "model.", "net.", "backbone.", "student.backbone.", "module.encoder_q.", "a.b.c.d.", "_module."],
)
def test_any_prefix_that_all_names_have_is_taken_off(prefix: str) -> None:
    reading = best_reading({"": named(*(prefix + name for name in WANTED))}, WANTED)
    assert reading.tensors.keys() == WANTED and "".join(reading.taken) == prefix and not reading.beside
    assert bool(list(reading.notes())) == bool(prefix)


@pytest.mark.parametrize("inside", ["_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module."])
def test_what_wrappers_put_inside_a_name_is_taken_out(inside: str) -> None:
    reading = best_reading(
        {"": named(f"module.{inside}conv.weight", f"module.conv.{inside}bias", "module.fc.weight")}, WANTED
    )
    assert reading.tensors.keys() == WANTED and inside in reading.taken


def test_a_prefix_that_the_model_has_and_the_file_has_not_is_put_before() -> None:
    wanted = {f"net.{name}" for name in WANTED}
    reading = best_reading({"": named(*WANTED)}, wanted)
    assert reading.tensors.keys() == wanted and reading.put == "net." and "'net.'" in next(reading.notes()).en


def test_tensors_of_other_networks_are_left_out_and_told() -> None:
    held = named(*(f"encoder.{name}" for name in WANTED), "queue", "head.weight")
    reading = best_reading({"": held}, WANTED)
    assert reading.tensors.keys() == WANTED and reading.beside == ("queue", "head.weight")
    assert "2 tensors of the file are not of this network" in list(reading.notes())[-1].en


def test_names_of_the_models_own_are_kept() -> None:
    wanted = {f"model.{name}" for name in WANTED}
    reading = best_reading({"": named(*wanted)}, wanted)
    assert reading.taken == () and reading.put == "" and not list(reading.notes())


def test_of_several_sets_the_one_that_agrees_best_is_read() -> None:
    sets = {"model": named("other.weight"), "ema": named(*(f"module.{name}" for name in WANTED)), "c": named(*WANTED)}
    assert best_reading(sets, WANTED).key == "c"
    del sets["c"]
    assert best_reading(sets, WANTED).key == "ema"
    assert best_reading({"a": named(*WANTED), "b": named(*WANTED)}, WANTED).key == "a"
