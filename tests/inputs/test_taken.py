import torch

from pellucid.inputs.taken import compares, names_of, pads_whole, start_of, writes
from tests.networks.writers import bart, clip, t5


def test_what_models_take_besides() -> None:
    assert all(writes(model.forward) for model in (t5(), bart()))
    assert not writes(clip().forward) and not writes(t5().encoder.forward) and not writes(bart().model.forward)
    assert (start_of(t5().forward), start_of(bart().forward), start_of(clip().forward)) == (0, 1, None)
    assert compares(clip().forward) and not compares(t5().forward) and not pads_whole(clip().forward)


def test_siglip_pads_to_its_whole_length() -> None:
    model = clip()
    model.config.model_type = "siglip"
    assert pads_whole(model.forward)


def test_functions_and_none() -> None:
    assert names_of(lambda a, b: (a, b)) == ["a", "b"] and names_of(None) == [] and names_of(torch.relu) == []
    assert not writes(None) and not compares(torch.relu) and start_of(None) is None
