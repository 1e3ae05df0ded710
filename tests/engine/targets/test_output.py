from dataclasses import dataclass

import pytest
import torch

from pellucid.core.errors import BadSetting, NotApplicable
from pellucid.engine.targets.output import explained

A, B, N = torch.zeros(2, 3), torch.ones(2, 4), torch.arange(2)


@dataclass
class Answer:
    hidden: torch.Tensor
    logits: torch.Tensor


@pytest.mark.parametrize(
    ("output", "select", "chosen", "said"),
    [
        (A, None, A, ""),
        ({"aux": B, "logits": A}, None, A, "'logits'"),
        ({"out": A, "aux": B}, None, A, "'out'"),
        (Answer(B, A), None, A, "'logits'"),
        ((N, A), None, A, "'1'"),
        ([(N, A), B], None, A, "'0.1'"),
        ({"aux": B, "logits": A}, "aux", B, ""),
        ((A, B), 1, B, ""),
        (((A, B), A), "0.1", B, ""),
        ({"aux": B}, lambda out: out["aux"] * 2, B * 2, ""),
    ],
)
def test_which_tensor_is_explained_and_that_it_is_said(output, select, chosen, said):
    tensor, note = explained(output, select)
    assert torch.equal(tensor, chosen)
    assert (note is None) == (not said)
    assert note is None or (said in note.en and said in note.zh)


@pytest.mark.parametrize(
    ("output", "words"), [(N, "torch.int64"), ((N, N), "tuple"), ({"a": "b"}, "dict"), (None, "NoneType")]
)
def test_an_output_without_a_floating_tensor(output, words):
    with pytest.raises(NotApplicable, match=words) as caught:
        explained(output)
    assert "output=" in caught.value.hint


def test_a_field_that_does_not_exist():
    with pytest.raises(BadSetting, match="no tensor 'logit'") as caught:
        explained({"logits": A, "aux": B}, "logit")
    assert caught.value.nearest.startswith("'logits'")


def test_a_function_of_the_caller_that_fails_is_named():
    def picked(output):
        return output["nope"]

    with pytest.raises(BadSetting, match="output=picked raised KeyError: 'nope'"):
        explained({"a": torch.ones(2)}, picked)
    with pytest.raises(BadSetting, match="output=<lambda> must return a tensor, not dict"):
        explained({"a": torch.ones(2)}, lambda output: output)


def test_a_function_of_the_caller_may_run_out_of_memory():
    def greedy(output):
        raise MemoryError

    with pytest.raises(MemoryError):
        explained({"a": torch.ones(2)}, greedy)
