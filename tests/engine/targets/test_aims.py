import pytest
import torch

from pellucid.core.errors import NotApplicable
from pellucid.engine.targets.aims import best_other, scale_of
from tests.engine.outputs import PIXELS, ROWS, TOKENS, resolved


def test_rows_beyond_the_batch_start_over_and_a_part_knows_where_it_begins():
    found, _ = resolved([0, 1, 2], ROWS)
    twice = torch.cat([ROWS, ROWS + 1])
    assert torch.equal(found.pick(twice), twice[range(6), [0, 1, 2, 0, 1, 2]])
    assert torch.equal(found.pick(ROWS[1:], 1), ROWS[[1, 2], [1, 2]])


def test_probabilities_are_recognised():
    probabilities = ROWS.softmax(1)
    info = resolved(1, probabilities)[0].infos[0]
    assert info.unit == "probability" and info.probability == pytest.approx(info.score)
    assert scale_of(ROWS)[0] == "logit" and scale_of(torch.ones(2, 1))[0] == "logit"
    assert scale_of(probabilities * 2)[0] == "logit"


@pytest.mark.parametrize("asked", [None, 0, [0, 1], (1, 1)])
@pytest.mark.parametrize("output", [ROWS[:2], TOKENS, PIXELS[:, :, :2, :2]], ids=["rows", "tokens", "pixels"])
def test_picking_carries_a_gradient_to_each_examples_own_row_alone(asked, output):
    if isinstance(asked, tuple) and output.ndim != 3:
        asked = asked * (output.ndim - 1) if output.ndim == 2 else (1, 1, 1)
        asked = asked[: output.ndim - 1]
    leaf = output.clone().requires_grad_()
    scores = resolved(asked, leaf)[1]
    gradient = torch.autograd.grad(scores[0], leaf)[0]
    assert gradient[0].any() and not gradient[1].any()


def test_the_best_of_the_others():
    assert best_other(torch.tensor([3.0, 9.0, 5.0]), 1) == 2 and best_other(torch.tensor([3.0, 9.0, 5.0]), 0) == 1
    assert best_other(torch.tensor([torch.nan, 9.0, -5.0]), 1) == 2, "what is not a number is no rival"
    with pytest.raises(NotApplicable, match="one class"):
        best_other(torch.tensor([3.0]), 0)
