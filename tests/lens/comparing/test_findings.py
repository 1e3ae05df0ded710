"""What is wrong with each model, in few words."""

import copy

import pellucid as pl
from pellucid.diagnose.findings import Findings
from pellucid.inputs.data.open import open_data
from pellucid.lens.comparing.findings import counted, found_in, high
from tests.lens.comparing.small import data, lens, net, rows


def broken() -> pl.Lens:
    model = copy.deepcopy(net())
    model.stem.conv.weight.data.fill_(float("nan"))
    return lens(model, "broken")


def test_what_is_found_is_counted_and_what_is_high_is_named():
    found = found_in(broken(), rows(), None, seed=0, progress=None)
    assert found is not None and len(found.high) > 0
    assert counted(found).en.startswith(f"{len(found.high)} high") and f"{len(found.high)} 项严重" in counted(found).zh
    said = high({"a": found, "b": found, "c": None})
    assert "a, b" in said[0].en and "stem.conv" in said[0].en and found.high[0].title.zh in said[0].zh
    assert len(said) == len(found.high)
    assert counted(Findings([])) == pl.Text("none", "无") and high({"healthy": Findings([])}) == ()


def test_data_go_before_the_input():
    one = lens()
    labelled = found_in(one, rows(), open_data(data()), seed=0, progress=None)
    assert labelled is not None and all(each.lacks != ("labels",) for each in labelled.not_made)


def test_what_cannot_be_diagnosed_has_no_findings():
    assert found_in(lens(), None, open_data([{}]), seed=0, progress=None) is None


def test_labels_of_other_classes_are_left_out_and_white_noise_has_no_findings():
    other = pl.Lens(net(2, classes=3))
    found = found_in(other, None, open_data(data()), seed=0, progress=None)
    assert found is not None and any(one.lacks == ("labels",) for one in found.not_made)
    assert found_in(lens(), None, open_data("noise:8#3x10x10"), seed=0, progress=None) is None
