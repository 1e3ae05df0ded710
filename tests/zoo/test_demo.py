"""The demo's pictures are right: known answers of a trained network on real photographs."""

import numpy as np
import pytest

import pellucid as pl
from pellucid.core.errors import Cancelled
from pellucid.zoo import demo


@pytest.fixture(scope="module")
def lens():
    return demo.lens()


def test_the_photographs_are_those_of_the_credits():
    credited = (demo.PHOTOS / "CREDITS.md").read_text()
    files = {path.name for path in demo.PHOTOS.glob("*.jpg")}
    assert files == {one.path.name for one in demo.ANIMALS} and all(f"| {name} |" in credited for name in files)


def test_every_photograph_gets_its_name(lens):
    chapter = demo.photographs(lens)
    said = [info for views in chapter.looks for result in views.results for info in result.targets]
    assert [info.label for info in said] == [one.label for one in demo.ANIMALS]
    sure = dict(zip([one.file for one in demo.ANIMALS], [info.probability for info in said], strict=True))
    known = {
        "german_shepherd": 0.98,
        "hen": 0.93,
        "ice_bear": 0.99,
        "koala": 0.93,
        "bison": 0.93,
        "lemur": 0.91,
        "jaguar": 0.82,
        "macaw": 0.79,
    }
    assert max(abs(sure[name] - probability) for name, probability in known.items()) < 0.04, (
        "the photographs are smaller now"
    )
    assert all(info.chosen == "predicted" for info in said)


def test_the_composite_has_both_answers_and_each_lies_in_its_half(lens):
    chapter = demo.two_answers(lens)
    left, right = chapter.looks[0]["grad_cam"]
    assert (left.targets[0].label, right.targets[0].label) == ("jaguar", "bison")
    top = lens.see(demo.composite(), pl.grad_cam())["grad_cam"].targets[0]
    assert top.label in ("jaguar", "bison") and min(one.targets[0].probability for one in (left, right)) > 0.2
    middle = left.heat.shape[-1] // 2
    assert left.heat[..., :middle].sum() / left.heat.sum() >= 0.8
    assert right.heat[..., middle:].sum() / right.heat.sum() >= 0.8


def test_both_answers_are_the_two_most_likely(lens):
    scores = {}

    def second(output):
        scores["rank"] = output[0].argsort(descending=True)[:2].tolist()
        return output[:, 0]

    lens.see(demo.composite(), pl.saliency(), target=second)
    assert {lens.labels[index] for index in scores["rank"]} == {"jaguar", "bison"}


def test_all_chapters_are_made_whole(lens):
    made = [demo.all_sides(lens), demo.inside(lens)]
    assert not [one for chapter in made for views in chapter.looks for one in views.failures]
    names = {view.name for chapter in made for views in chapter.looks for view in views.asked}
    assert {
        "saliency",
        "integrated_gradients",
        "guided_backprop",
        "activation_maps",
        "flow_graph",
        "activation_statistics",
        "gradient_flow",
        "weights",
        "slices",
    } <= names
    assert all(chapter.title.zh and chapter.seen for chapter in made)


def test_nothing_is_wrong_with_a_network_that_is_used_as_it_was_trained(lens):
    chapter = demo.checked(lens)
    (found,) = chapter.seen
    assert not [one for one in found if one.severity != "info"] and len(found.passed) >= 10
    assert chapter.costs == [found.cost]


def test_a_channel_that_is_drawn_answers_to_dark_spots(lens):
    chapter = demo.learned(lens)
    gallery, table = chapter.looks[0]["top_regions"]
    assert table.rows[0]["sample"].startswith("lemur ") and table.rows[0]["label"] == "Madagascar cat"
    assert gallery.facts["data"]["samples"] == gallery.facts["data"]["read"] == 72 and chapter.title.zh
    pieces = [image.mean(2) for image in gallery.images[1:8]]
    middle = [piece[24:-24, 24:-24].mean() for piece in pieces]
    assert sum(spot < piece.mean() for spot, piece in zip(middle, pieces, strict=True)) >= 5


def test_the_same_pictures_every_time(lens):
    a, b = (demo.two_answers(lens).looks[0].results for _ in "ab")
    assert a == b and np.array_equal(np.asarray(demo.composite()), np.asarray(demo.composite()))


def test_stopped_looks_leave_no_cards(lens):
    def stop(_):
        raise Cancelled("stopped")

    chapter = demo.two_answers(lens, stop)
    assert chapter.seen == [] and chapter.looks[0].failures


def test_chapters_are_made_when_asked_for(lens):
    assert next(demo.chapters(lens)).title == demo.photographs(lens).title


def test_a_sentence_is_likened_by_the_words_that_belong_together():
    encoder = demo.sentence_lens()
    assert encoder is not None
    views = demo.sentences(encoder).looks[0]
    assert not views.failures
    tops = []
    for one in views["occlusion"]:
        words = pl.by_word(one)
        tops.append({words.base.names[0][i] for i in words.values[0].argsort()[::-1][:3]})
    assert "veterinarian" in tops[0] and "puppy" in tops[0] and "train" in tops[1]
    assert views["saliency"][0].targets[0].score > views["saliency"][1].targets[0].score > 0.2


def test_the_sentence_is_left_out_where_its_encoder_is_not_installed(monkeypatch):
    monkeypatch.setattr(demo, "minilm_folder", lambda: None)
    for name in ("photographs", "two_answers", "all_sides", "inside", "checked", "learned"):
        monkeypatch.setattr(demo, name, lambda *_: None)
    assert demo.sentence_lens() is None and len(list(demo.chapters(None))) == 6
