import numpy as np
import pytest
import torch
from PIL import Image

import pellucid as pl
from pellucid.core.errors import BadTarget, NotApplicable
from pellucid.engine.targets.areas import box, region
from pellucid.engine.targets.target import Target, contrast
from tests.engine.outputs import LABELS, PIXELS, ROWS, TOKENS, resolved
from tests.networks import NETWORKS

MASK = torch.zeros(4, 5, dtype=torch.bool)
MASK[1:3, :2] = True


def test_the_score_of_a_class_is_summed_over_the_mask() -> None:
    for mask in (MASK, MASK.numpy(), MASK.float(), MASK.int().numpy(), Image.fromarray(MASK.numpy())):
        found, scores = resolved(region(mask, 1), PIXELS)
        assert torch.allclose(scores, (PIXELS[:, 1] * MASK).flatten(1).sum(1))
    assert found.infos[0].label == "class 1, inside the mask (20% of the grid)"
    assert found.infos[0].zh == "类别 1，掩膜之内（占网格的 20%）" and found.infos[0].unit == "summed logit"


def test_each_example_has_its_own_mask_and_class() -> None:
    masks = torch.stack([MASK, ~MASK])
    found, scores = resolved(region(masks, [0, "lynx"]), PIXELS, labels=LABELS[:3])
    assert torch.allclose(scores[0], PIXELS[0, 0][MASK].sum()) and torch.allclose(scores[1], PIXELS[1, 2][~MASK].sum())
    assert torch.allclose(found.pick(PIXELS[1:], 1), scores[1:]), "a part of the batch knows where it begins"


def test_without_a_class_it_is_the_one_that_wins_most_of_the_mask() -> None:
    found, _ = resolved(region(MASK), PIXELS)
    for row, info in enumerate(found.infos):
        won = torch.bincount(PIXELS[row].argmax(0)[MASK], minlength=3).argmax()
        assert info.index == (won,) and info.chosen == "predicted"


def test_a_mask_of_the_picture_is_brought_to_the_grid_of_the_output() -> None:
    fine = MASK.repeat_interleave(3, 0).repeat_interleave(3, 1)
    assert torch.allclose(resolved(region(fine, 1), PIXELS)[1], resolved(region(MASK, 1), PIXELS)[1])
    small = torch.zeros(12, 15)
    small[4, 4] = 1
    assert torch.allclose(resolved(region(small, 1), PIXELS)[1], PIXELS[:, 1, 1, 1]), "less than half of any cell"


def test_tokens_have_a_mask_of_positions() -> None:
    mask = [True, False, True, False]
    found, scores = resolved(region(mask, 5), TOKENS)
    assert torch.allclose(scores, TOKENS[:, [0, 2], 5].sum(1))
    other = found.rival(TOKENS)
    sums = TOKENS[:, [0, 2]].sum(1)
    sums[:, 5] = -torch.inf
    assert torch.allclose(other.pick(TOKENS), sums.max(1).values)
    assert torch.allclose(resolved(region([True] + [False] * 5, 2), TOKENS)[1], TOKENS[:, 2, 0])


def test_regions_that_are_alike_have_one_key() -> None:
    keys = [Target(one).key for one in (region(MASK, 1), region(MASK.numpy(), 1), region(MASK, 2), region(~MASK, 1))]
    assert keys[0] == keys[1] and len(set(keys)) == 3
    assert Target(box(0, 1, 2, 3)).key == Target(box(0, 1, 2, 3)).key != Target(box(0, 1, 2, 4)).key


def test_they_read_back() -> None:
    assert (
        repr(region(MASK, "tabby")) == "pl.region(mask(4, 5), 'tabby')"
        and repr(box(0, 1, 2.5, 3)) == "pl.box(0, 1, 2.5, 3)"
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: region(MASK * 0), "is empty"),
        (lambda: region(MASK * 0.5), "zeros and ones"),
        (lambda: region("cat"), "mask first"),
        (lambda: box(5, 0, 5, 3), "has no area"),
        (lambda: resolved(region(torch.ones(3, 4, 5)), PIXELS), "does not fit 2 examples"),
        (lambda: resolved(region(torch.ones(5)), PIXELS), "does not fit"),
        (lambda: resolved(region(MASK, 7), PIXELS), "out of range"),
        (lambda: resolved(box(9, 9, 12, 12), PIXELS), "outside of the input, 5 wide and 4 high"),
    ],
)
def test_what_means_nothing(make: object, words: str) -> None:
    with pytest.raises(BadTarget, match=words):
        make()


def test_outputs_without_a_grid() -> None:
    with pytest.raises(NotApplicable, match="no grid to lay a mask on"):
        resolved(region(MASK, 1), ROWS)
    with pytest.raises(NotApplicable, match="a box needs detections"):
        resolved(box(0, 0, 2, 2), ROWS)


def test_a_box_is_a_mask_of_the_cells_whose_middle_it_holds() -> None:
    found, scores = resolved(box(0, 1, 2, 3, 1), PIXELS)
    assert torch.allclose(scores, (PIXELS[:, 1] * MASK).flatten(1).sum(1))
    assert found.infos[0].label == "class 1, inside the box (0, 1, 2, 3)"
    assert torch.allclose(resolved(box(2.1, 2.1, 2.2, 2.2, 0), PIXELS)[1], PIXELS[:, 0, 2, 2])


def test_why_this_part_is_one_class_rather_than_another() -> None:
    _, scores = resolved(contrast(region(MASK, 1), region(MASK, 2)), PIXELS)
    assert torch.allclose(scores, ((PIXELS[:, 1] - PIXELS[:, 2]) * MASK).flatten(1).sum(1), atol=1e-6)


def test_through_a_lens_in_blocks_and_on_the_grid_of_the_picture() -> None:
    network = NETWORKS["segmentation"]
    model, x = network.build(), network.x(3)
    mask = torch.zeros(3, 12, 12, dtype=torch.bool)
    for row in range(3):
        mask[row, row : row + 6, :6] = True
    lens = pl.Lens(model)
    whole = lens.see(x, pl.saliency(), target=pl.region(mask, [0, 1, 0]))[0]
    parts = lens.see(x, pl.saliency(), target=pl.region(mask, [0, 1, 0]), batch_size=2)[0]
    np.testing.assert_allclose(parts.values, whole.values, rtol=1e-4, atol=1e-7)
    leaf = x.clone().requires_grad_()
    output = model(leaf)
    if tuple(output.shape[2:]) == (12, 12):
        score = sum((output[row, k] * mask[row]).sum() for row, k in enumerate((0, 1, 0)))
        np.testing.assert_allclose(whole.values, torch.autograd.grad(score, leaf)[0].numpy(), rtol=1e-4, atol=1e-7)
    with pytest.raises(pl.BadTarget, match="lies neither on the grid of the output"):
        lens.see(x, pl.saliency(), target=pl.region(torch.ones(7, 7)))
    boxed = lens.see(x, pl.saliency(), target=pl.targets(pl.box(0, 0, 6, 6, 1), pl.rival(pl.box(0, 0, 6, 6, 1))))[0]
    assert [one.targets[0].chosen for one in boxed] == ["asked", "rival"]
