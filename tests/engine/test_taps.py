import torch

from pellucid.core.sites import Place, parse
from pellucid.engine.edits import ablate
from pellucid.engine.taps import Capture, Tap, Taps, Wish


def test_wishes_at_one_place_are_joined():
    taps = Taps([Wish(parse("a"), value=True), Wish(parse("*"), grad=True), Wish(parse("a@1"), value=True)], [])
    point = taps.at("a", 0, "", 0, "out")
    assert (point.taps[""].value, point.taps[""].grad) == (True, True)
    assert (point.taps["1"].value, point.taps["1"].grad) == (True, False)
    assert (taps.at("b", 0, "", 0, "out").taps[""].value, taps.at("b", 0, "relu", 0, "out")) == (False, None)
    assert taps.at("a", 0, "", 0, "in") is None and taps.at("a", 7, "", 0, "out").taps[""].value


def test_what_was_found_is_remembered():
    taps = Taps([Wish(parse("a"), value=True)], [])
    assert taps.at("a", 0, "", 0, "out") is taps.at("a", 0, "", 0, "out")


def test_edits_keep_their_order():
    edits = [ablate("a"), ablate("*", 1.0), ablate("b"), ablate("a@1", 2.0)]
    taps = Taps([], [(parse(one.site), one) for one in edits])
    assert [(field, one.key) for field, one in taps.at("a", 0, "", 0, "out").edits] == [
        ("", 0.0),
        ("", 1.0),
        ("1", 2.0),
    ]


def test_candidates_are_generous_but_not_of_another_side():
    taps = Taps([], [], [(parse("first conv"), Tap(value=True)), (parse("every conv"), Tap(grad=True))])
    tensor = torch.zeros(1, 2, 3, 3)
    assert taps.candidate(Place("conv"), tensor) == Tap(True, True)
    assert taps.candidate(Place("conv", side="in"), tensor) is None
    assert taps.candidate(Place("", 0, "add", 0), tensor) is None


def test_a_value_is_taken_without_a_copy_until_something_writes():
    tensor = torch.zeros(3)
    capture = Tap(value=True).take(Place("a"), "", tensor, grad_mode=False)
    assert capture.value.data_ptr() == tensor.data_ptr() and capture.edge is None
    capture.save()
    tensor.add_(1)
    assert not capture.value.any() and not capture.spoiled
    kept = capture.value
    capture.save()
    assert capture.value is kept, "copied once"


def test_a_write_that_nobody_announced_is_noticed():
    tensor = torch.zeros(3)
    capture = Tap(value=True).take(Place("a"), "", tensor, grad_mode=False)
    tensor.add_(1)
    assert capture.spoiled and not capture.overwritten


def test_a_view_that_is_overwritten_is_remembered():
    view = torch.zeros(3, 2)[:, 0]
    capture: Capture = Tap(value=True, grad=True).take(Place("a"), "", view, grad_mode=True)
    assert capture.view and capture.edge is None
    capture.save()
    assert capture.overwritten


def test_an_edge_only_where_a_gradient_can_flow_and_is_wanted():
    leaf = torch.zeros(3, requires_grad=True)
    assert Tap(grad=True).take(Place("a"), "", leaf * 2, grad_mode=True).edge is not None
    assert Tap(grad=True).take(Place("a"), "", leaf * 2, grad_mode=True).value is None
    assert Tap(value=True).take(Place("a"), "", leaf * 2, grad_mode=True).edge is None
    assert Tap(grad=True).take(Place("a"), "", leaf * 2, grad_mode=False).edge is None


def test_reducers_see_the_tensor_without_its_graph():
    seen = []

    def total(tensor):
        seen.append(tensor.requires_grad)
        return tensor.sum()

    capture = Tap(reduces=(total,)).take(Place("a"), "", torch.ones(3, requires_grad=True) * 2, grad_mode=True)
    assert capture.reduced[id(total)] == 6 and seen == [False] and capture.value is None


def test_joined_taps_want_what_both_want():
    assert Tap(True, False, (sum,)).joined(Tap(False, True, (sum, max))) == Tap(True, True, (sum, max))
