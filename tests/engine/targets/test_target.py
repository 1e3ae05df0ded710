import numpy as np
import pytest
import torch
from torch import nn

from pellucid.core.errors import BadTarget, NotApplicable
from pellucid.engine.targets.target import Rival, Target, contrast, rival, targets
from pellucid.engine.targets.units import Unit
from tests.engine.asking import see
from tests.engine.outputs import LABELS, PIXELS, ROWS, TOKENS, resolved


@pytest.mark.parametrize(
    ("asked", "picked"),
    [
        (2, [2, 2, 2]),
        (-1, [4, 4, 4]),
        (np.int64(3), [3, 3, 3]),
        (torch.tensor(1), [1, 1, 1]),
        (np.array(1), [1, 1, 1]),
        ([0, 1, 2], [0, 1, 2]),
        (torch.tensor([4, 0, 1]), [4, 0, 1]),
        (np.array([4, 0, 1]), [4, 0, 1]),
        ([0, None, "lynx"], [0, None, 2]),
        ("tabby cat", [0, 0, 0]),
        ("TIGER", [1, 1, 1]),
        ((3,), [3, 3, 3]),
        ([(3,), 1, -5], [3, 1, 0]),
        (None, [None] * 3),
    ],
)
def test_classes(asked, picked):
    found, scores = resolved(asked, ROWS, labels=LABELS)
    best = ROWS.argmax(1).tolist()
    expected = [best[row] if one is None else one for row, one in enumerate(picked)]
    assert torch.equal(scores, ROWS[range(3), expected])
    assert [info.index for info in found.infos] == [(one,) for one in expected]
    assert [info.label for info in found.infos] == [LABELS[one] for one in expected]
    assert [info.chosen for info in found.infos] == ["predicted" if one is None else "asked" for one in picked]
    probabilities = ROWS.double().softmax(1)
    for row, info in enumerate(found.infos):
        assert (info.score, info.unit) == (pytest.approx(ROWS[row, expected[row]].item()), "logit")
        assert info.probability == pytest.approx(probabilities[row, expected[row]].item())


def test_without_labels_a_class_is_called_by_its_number():
    assert resolved(2, ROWS)[0].infos[0].label == "class 2"
    assert resolved(2, ROWS, labels=("a", "b"))[0].infos[0].label == "class 2", "labels of another count name nothing"


@pytest.mark.parametrize(
    ("asked", "words", "help_with"),
    [
        (5, "target 5 is out of range: the output has 5 classes, 0 to 4", ""),
        (-6, "target -6 is out of range", ""),
        ([0, 1, 9], "target 9 is out of range", ""),
        ("tigr", "no class is called 'tigr'", "'Tiger'"),
        ([0, 1], "2 targets for 3 examples", "one per example"),
        (torch.zeros(4, dtype=torch.long), "4 targets for 3 examples", "one per example"),
        (1.5, "a target of type float means nothing here: 1.5", "a class name"),
        (True, "a target of type bool", "an int"),
        ({"a": 1}, "a target of type dict", "an int"),
        ((1, 2), r"target \(1, 2\) has 2 indices, the output \(3, 5\) needs 1", ""),
        ((9,), "target 9 is out of range", ""),
    ],
)
def test_what_the_output_does_not_have(asked, words, help_with):
    with pytest.raises(BadTarget, match=words) as caught:
        resolved(asked, ROWS, labels=LABELS)
    assert help_with in str(caught.value)


def test_a_name_without_labels_says_how_to_give_them():
    with pytest.raises(BadTarget, match="no class is called 'cat'") as caught:
        resolved("cat", ROWS)
    assert "Lens(labels=[...])" in caught.value.hint


def test_two_labels_that_differ_only_in_case_need_the_exact_one():
    assert resolved("A", ROWS, labels=("a", "A", "b", "c", "d"))[0].infos[0].index == (1,)
    with pytest.raises(BadTarget):
        resolved("B", ROWS, labels=("b", "b", "a", "c", "d"))


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
@pytest.mark.parametrize("asked", [None, 0])
def test_one_number_per_example(shape, asked):
    output = ROWS[:, 0].reshape(shape)
    found, scores = resolved(asked, output)
    assert torch.equal(scores, ROWS[:, 0])
    assert [(info.label, info.index, info.unit, info.probability) for info in found.infos] == [
        ("output", (), "output", None)
    ] * 3
    with pytest.raises(BadTarget, match="target 1 is out of range: the output is one number per example"):
        resolved(1, output)


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        (None, None),
        (4, (3, 4)),
        ((1, 4), (1, 4)),
        ((-2, -1), (2, 5)),
        ([(0, 1), (2, 3)], [(0, 1), (2, 3)]),
        ([(0, 1), 5], [(0, 1), (3, 5)]),
    ],
)
def test_tokens_at_the_last_position_unless_one_is_given(asked, index):
    found, scores = resolved(asked, TOKENS)
    last = [(3, int(TOKENS[row, 3].argmax())) for row in range(2)]
    where = last if index is None else index if isinstance(index, list) else [index] * 2
    assert [info.index for info in found.infos] == where
    assert scores.tolist() == [TOKENS[row][at].item() for row, at in enumerate(where)]
    assert found.infos[0].label == f"token {where[0][1]} at position {where[0][0]}"
    assert found.infos[0].probability == pytest.approx(TOKENS[0, where[0][0]].double().softmax(0)[where[0][1]].item())


def test_segmentation_sums_a_class_over_the_region_that_it_wins():
    found, scores = resolved(1, PIXELS)
    inside = PIXELS.argmax(1) == 1
    assert torch.allclose(scores, (PIXELS[:, 1] * inside).flatten(1).sum(1))
    assert found.infos[0].label == "class 1, its region" and found.infos[0].unit == "summed logit"


def test_the_region_stays_frozen_when_the_output_changes():
    found, _ = resolved(1, PIXELS)
    inside = PIXELS.argmax(1) == 1
    changed = -PIXELS
    assert torch.allclose(found.pick(changed), (changed[:, 1] * inside).flatten(1).sum(1))


def test_the_predicted_class_of_a_segmentation_is_the_most_frequent_one():
    found, _ = resolved(None, PIXELS)
    winners = [torch.bincount(PIXELS[row].argmax(0).flatten(), minlength=3).argmax().item() for row in range(2)]
    assert [info.index for info in found.infos] == [(one,) for one in winners]


def test_a_class_that_wins_nowhere_is_summed_over_everything_and_says_so():
    output = PIXELS.clone()
    output[:, 2] -= 100
    found, scores = resolved(2, output)
    assert "predicted nowhere" in found.infos[0].label
    assert torch.allclose(scores, output[:, 2].flatten(1).sum(1))


def test_a_single_pixel_of_a_segmentation():
    found, scores = resolved((1, 2, 3), PIXELS)
    assert torch.equal(scores, PIXELS[:, 1, 2, 3]) and found.infos[0].label == "output (1, 2, 3)"
    with pytest.raises(BadTarget, match="has 2 indices"):
        resolved((1, 2), PIXELS)


def test_a_function_of_the_output():
    def margin(output):
        return output[:, 0] - output[:, 1]

    found, scores = resolved(margin, ROWS)
    assert torch.equal(scores, ROWS[:, 0] - ROWS[:, 1]) and found.raw
    assert [info.label for info in found.infos] == ["margin"] * 3 and found.infos[1].score == pytest.approx(
        scores[1].item()
    )


def test_a_function_sees_the_whole_output():
    class Two(nn.Linear):
        def forward(self, x):
            return {"aux": super().forward(x) * 3, "logits": super().forward(x)}

    model, x = Two(4, 2), torch.randn(3, 4)
    seen = see(model, x, keep=["output"], target=lambda out: out["aux"][:, 1])
    assert torch.equal(seen.score, model(x)["aux"][:, 1].detach())


@pytest.mark.parametrize("wrong", [lambda out: out, lambda out: 3.0, lambda out: None])
def test_a_function_that_gives_no_scalar_per_example(wrong):
    with pytest.raises(BadTarget, match="the target function <lambda> must return one scalar per example"):
        resolved(wrong, ROWS)


def test_contrast_is_a_difference():
    found, scores = resolved(contrast("lynx", 0), ROWS, labels=LABELS)
    assert torch.equal(scores, ROWS[:, 2] - ROWS[:, 0])
    assert found.infos[0].label == "lynx rather than tabby cat"
    assert found.infos[0].score == pytest.approx((ROWS[0, 2] - ROWS[0, 0]).item())
    assert torch.equal(resolved(contrast([0, 1, 2], None), ROWS)[1], ROWS[range(3), range(3)] - ROWS.max(1).values)


def test_contrast_of_a_function_and_a_class_is_refused():
    with pytest.raises(BadTarget, match="cannot mix a function and a class"):
        resolved(contrast(lambda out: out[:, 0], 1), ROWS)


def test_targets_holds_each():
    assert targets(1, "lynx", None).each == (1, "lynx", None)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (1, 1, True),
        (1, 2, False),
        ([1, 2], [1, 2], True),
        ([1, 2], torch.tensor([1, 2]), True),
        ([1, 2], np.array([1, 2]), True),
        (1, torch.tensor(1), True),
        ("a", "a", True),
        ((1, 2), [1, 2], False),
        (contrast(1, [2]), contrast(1, [2]), True),
        (contrast(1, 2), contrast(2, 1), False),
        (len, len, True),
        (len, abs, False),
        (None, None, True),
        (None, 0, False),
        (rival(1), rival(1), True),
        (rival([1, 2]), rival([1, 2]), True),
        (rival(), None, False),
    ],
)
def test_targets_that_were_asked_alike_have_one_key(a, b, same):
    assert (Target(a).key == Target(b).key) is same
    hash(Target(a).key)


def test_what_was_fixed_on_the_clean_input_stays():
    target = Target()
    first = target.resolve(ROWS, ROWS)
    assert target.resolve(-ROWS, -ROWS) is first
    assert torch.equal(first.pick(-ROWS), -ROWS.max(1).values)


def test_equal_resolved_targets_have_one_key_however_they_were_asked():
    best = ROWS.argmax(1).tolist()
    keys = {resolved(asked, ROWS)[0].key for asked in (None, best, [(one,) for one in best])}
    assert len(keys) == 1 and resolved(1, ROWS)[0].key not in keys


@pytest.mark.parametrize(
    ("output", "error", "words"),
    [
        (torch.tensor(1.0), BadTarget, "no batch axis"),
        (None, NotApplicable, "no floating tensor"),
    ],
)
def test_outputs_without_examples(output, error, words):
    with pytest.raises(error, match=words):
        Target().resolve(output, output)


def broken(*_):
    raise IndexError("of mine")


def test_the_rival_is_the_best_of_the_other_classes():
    target = Target([0, 4, None], LABELS)
    other = target.rival()
    assert other is target.rival() and other.key != target.key and other.asked == Rival([0, 4, None])
    target.resolve(ROWS, ROWS)
    found = other.resolved
    assert found is not None, "it is fixed together with the target"
    rows = ROWS.clone()
    for row, own in enumerate([0, 4, int(ROWS[2].argmax())]):
        rows[row, own] = -torch.inf
    expected = rows.argmax(1)
    assert torch.equal(found.pick(ROWS), ROWS[range(3), expected.tolist()])
    assert [info.label for info in found.infos] == [LABELS[one] for one in expected]
    assert {info.chosen for info in found.infos} == {"rival"}
    assert torch.equal(found.pick(-ROWS), -ROWS[range(3), expected.tolist()]), "it stays what it was on the clean input"
    assert found.key == Target(expected.tolist()).resolve(ROWS, ROWS).key, "the same backward as that class by number"


def test_a_rival_that_was_asked_for_later_is_found_on_the_output_that_it_is_given():
    target = Target(2)
    target.resolve(ROWS, ROWS)
    other = target.rival()
    assert other.resolved is None and other.resolve(ROWS, ROWS).infos[0].index != (2,)


def test_the_rival_of_a_token_is_another_token_at_the_same_place():
    (position, token) = resolved(rival((1, 4)), TOKENS)[0].infos[0].index
    scores = TOKENS[0, 1].clone()
    scores[4] = -torch.inf
    assert (position, token) == (1, scores.argmax())
    index = resolved(rival((1, 2, 3)), PIXELS)[0].infos[0].index
    scores = PIXELS[0, :, 2, 3].clone()
    scores[1] = -torch.inf
    assert index == (scores.argmax(), 2, 3)


def test_the_rival_of_a_region_is_the_class_with_the_next_score_in_that_region():
    found, scores = resolved(rival(1), PIXELS)
    inside = PIXELS.argmax(1) == 1
    sums = (PIXELS * inside[:, None]).flatten(2).sum(2)
    sums[:, 1] = -torch.inf
    assert torch.allclose(scores, sums.max(1).values, atol=1e-6)
    assert [info.index for info in found.infos] == [(one,) for one in sums.argmax(1)]
    assert found.infos[0].label.endswith("the same region") and found.infos[0].zh.endswith("同一区域")


@pytest.mark.parametrize("asked", [contrast(0, 1), lambda out: out[:, 0], rival(), Unit("conv", 1)])
def test_what_is_no_class_has_no_rival(asked):
    with pytest.raises(NotApplicable, match="only a class has a rival"):
        Target(asked).rival()


@pytest.mark.parametrize(("output", "words"), [(ROWS[:, 0], "only a class"), (PIXELS[:, :1], "has one class")])
def test_a_single_score_has_no_rival(output, words):
    target = Target()
    other = target.rival()
    target.resolve(output, output)
    assert other.resolved is None
    with pytest.raises(NotApplicable, match=words):
        other.resolve(output, output)


def test_the_target_rather_than_its_rival():
    found, scores = resolved(contrast(None, rival()), ROWS, labels=LABELS)
    best = ROWS.topk(2).values
    assert torch.allclose(scores, best[:, 0] - best[:, 1])
    first, second = (LABELS[one] for one in ROWS[0].topk(2).indices)
    assert found.infos[0].label == f"{first} rather than {second}" and found.infos[0].zh == f"{first}，而非 {second}"


def test_targets_read_back_as_they_were_written():
    assert (repr(rival()), repr(contrast(1, rival("lynx")))) == ("pl.rival()", "pl.contrast(1, pl.rival('lynx'))")


def test_labels_are_said_in_both_languages():
    words = [resolved(2, ROWS)[0].infos[0].words, resolved((1, 4), TOKENS)[0].infos[0].words]
    words += [resolved(1, PIXELS)[0].infos[0].words, resolved(None, ROWS[:, 0])[0].infos[0].words]
    assert [one.en for one in words] == ["class 2", "token 4 at position 1", "class 1, its region", "output"]
    assert [one.zh for one in words] == ["类别 2", "位置 1 处的 词元 4", "类别 1，其区域", "输出"]
    assert resolved("lynx", ROWS, labels=LABELS)[0].infos[0].words.say("zh") == "lynx"


def test_a_function_of_the_user_that_raises_is_named():
    with pytest.raises(BadTarget, match="the target function broken raised IndexError: of mine"):
        resolved(broken, ROWS)
    with pytest.raises(BadTarget, match="the loss broken raised IndexError: of mine"):
        resolved(1, ROWS, loss=broken)
    with pytest.raises(BadTarget, match="the label of one number per example is a number, not 'cat'"):
        resolved("cat", ROWS[:, 0], loss=lambda out, label: out)


def test_running_out_of_memory_in_a_function_is_not_its_fault():
    def hungry(out):
        raise torch.OutOfMemoryError

    with pytest.raises(torch.OutOfMemoryError):
        resolved(hungry, ROWS)


def test_a_contrast_with_itself_is_refused():
    with pytest.raises(BadTarget, match="class 1 rather than itself"):
        resolved(contrast(1, 1), ROWS)
