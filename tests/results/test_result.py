import numpy as np
import pytest
import torch

from pellucid.core.provenance import Trace
from tests.results import samples


def test_the_tensor_is_a_copy():
    result = samples.attribution()
    tensor = result.tensor()
    assert torch.equal(tensor, torch.from_numpy(result.values.copy()))
    tensor.zero_()
    assert result.values.any()


@pytest.mark.parametrize("kind", samples.KINDS)
def test_equal_results_made_twice_are_one(kind):
    make = samples.KINDS[kind]
    assert make() == make()
    assert len({make(), make()}) == 1
    assert make() != "a result"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"values": samples.blob(7, 7, 0.2, 0.21)[None]}, id="values"),
        pytest.param({"values": samples.blob(7, 7, 0.2, 0.2)[None].astype("f8")}, id="dtype"),
        pytest.param({"axes": ("batch", "width", "height")}, id="axes"),
        pytest.param({"unit": "probability"}, id="unit"),
        pytest.param({"base": samples.picture(size=29)}, id="base"),
        pytest.param({"facts": {"residual": float("nan")}}, id="facts"),
        pytest.param({"provenance": samples.provenance(seed=1)}, id="seed"),
        pytest.param({"provenance": samples.provenance(settings={"relu": False})}, id="settings"),
    ],
)
def test_the_digest_covers(changes):
    assert samples.attribution(**changes) != samples.attribution()


def test_the_digest_leaves_the_trace_out():
    other = samples.provenance(trace=Trace(forwards=9, seconds=7.0, host="elsewhere"))
    assert samples.attribution(provenance=other) == samples.attribution()


def test_the_digest_of_a_setting_that_is_code_does_not_name_memory():
    def loss(output):
        return output

    def digest():
        return samples.attribution(provenance=samples.provenance(settings={"loss": lambda x: x})).digest

    assert digest() == digest()
    assert samples.attribution(provenance=samples.provenance(settings={"loss": loss})).digest != digest()


def test_with_changes_the_digest():
    result = samples.attribution()
    assert result.digest
    assert result.with_(layer="layer3").digest != result.digest


def test_values_cannot_be_written():
    with pytest.raises(ValueError, match="read-only"):
        samples.attribution().values[0] = 1


def test_the_code_is_that_of_the_provenance():
    assert samples.attribution().code == "pl.grad_cam()(model, x)"
    assert samples.attribution(provenance=None).code == ""


def test_printing_names_method_place_and_axes():
    assert repr(samples.attribution()) == "<Attribution grad_cam at layer4: 1 batch × 7 height × 7 width>"
    assert np.prod(samples.matrix().values.shape) == 32
