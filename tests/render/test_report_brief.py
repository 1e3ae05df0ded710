import re

from pellucid.core.provenance import TargetInfo, Trace
from pellucid.core.text import Text
from pellucid.render.report_brief import brief, heading
from pellucid.results.failure import Failure
from tests.results.samples import attribution, provenance, series


def words(text):
    return re.sub(r"<[^>]+>", "", text)


def test_the_model_its_answer_and_the_work():
    once = provenance(trace=Trace(1, 3, 1, (), 0.25, "2026-01-01T10:00:00+00:00"), weights="3f2a")
    said = words(brief([attribution(provenance=once), series(provenance=once)], "", "en"))
    assert said.startswith(
        "In briefresnet18, weights 3f2a. It predicts tabby with probability 0.71. 2 pictures by 1 method."
    )
    assert "1 forward pass and 3 backward passes of the model, 0.25 s. Nothing calls for a warning." in said
    assert heading([attribution(provenance=once)], "en", None)[1] == "resnet18"
    assert "2026-01-01 10:00 UTC" in heading([attribution(provenance=once)], "zh", "题目")[0]


def test_two_looks_are_added_up():
    each = [attribution(provenance=provenance(trace=Trace(1, 2, seconds=seconds))) for seconds in (0.5, 0.25)]
    assert "2 forward passes and 4 backward passes of the model, 0.75 s" in brief(each, "", "en")


def test_a_loss_is_no_target_of_the_reader():
    loss = TargetInfo("cross_entropy of tabby", (281,), 0.3, 0.71, "predicted", "loss")
    assert "cross_entropy" not in brief([attribution(), attribution(targets=(loss,))], "", "en")


def test_many_targets_are_counted():
    asked = tuple(TargetInfo(f"class {number}", (number,), 1.0) for number in range(6))
    assert "class 3</bdi></strong> (logit 1); 2 more." in brief([attribution(targets=asked)], "", "en")


def test_what_calls_for_caution():
    note = (Text("Mind the gap.", "小心间隙。"),)
    seen = [attribution(notes=note), attribution(notes=note), attribution(), Failure("lime", "none")]
    said = words(brief(seen, "Heavy.", "zh"))
    assert "小心间隙。（× 2）" in said and "Heavy." in said and "1 项未能生成" in said
    assert "没有需要提醒之处" not in said


def test_a_note_of_every_picture_is_not_counted():
    note = (Text("Mind the gap.", "小心间隙。"),)
    assert "×" not in words(brief([attribution(notes=note), attribution(notes=note)], "", "en"))


def test_one_class_of_several_examples_has_a_range():
    both = tuple(TargetInfo("tabby", (281,), 9.4, one, "predicted") for one in (0.98, 0.31))
    assert "tabby</bdi></strong> with probability 0.31 – 0.98." in brief([attribution(targets=both)], "", "en")


def test_how_a_picture_was_made_calls_for_no_caution():
    notes = (Text("9 windows.", "9 个窗口。", aside=True), Text("Empty.", "为空。"))
    said = brief([attribution(notes=notes)], "", "en")
    assert "Empty." in said and "9 windows." not in said
