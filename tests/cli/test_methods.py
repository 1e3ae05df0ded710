"""`pellucid methods`."""

import inspect

import pytest
from click.testing import CliRunner

from pellucid.cli import main
from pellucid.cli.methods import FAMILIES, descriptions, example, setting, spelled
from pellucid.registry import FOLDERS, find, names


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_list_has_every_method_and_its_question(lang):
    seen = CliRunner().invoke(main, ["methods", "--lang", lang])
    assert seen.exit_code == 0
    for name in names():
        assert f"{name} " in seen.stdout and find(name).words.question.say(lang) in seen.stdout


def test_every_family_has_a_heading():
    assert set(FAMILIES) == {*FOLDERS, "outside"}
    assert all(title.zh for title in FAMILIES.values())


@pytest.mark.parametrize("name", names())
def test_one_method_is_told_whole(name):
    seen = CliRunner().invoke(main, ["methods", name])
    spec = find(name)
    assert seen.exit_code == 0
    for said in (
        spec.words.shows.en,
        spec.words.cannot.en,
        spec.words.check.en,
        spec.words.paper,
        f"pl.{name}()",
        "pellucid watch RUN" if "run" in spec.required else f"-m {example(spec)}",
    ):
        assert said in seen.stdout
    told = descriptions(spec.doc)
    for key in spec.settings:
        assert key in told, f"{name} does not say what {key} is"
        assert f"\n{key} " in seen.stdout


@pytest.mark.parametrize("name", names())
def test_the_example_can_be_typed(name):
    from pellucid.cli.asked import view_of

    assert view_of(example(find(name)).strip('"')) == find(name)()


def test_an_unknown_method():
    seen = CliRunner().invoke(main, ["methods", "gradcam"])
    assert seen.exit_code == 2 and "'grad_cam'" in seen.stderr


def test_settings_in_words():
    parameter = inspect.Parameter("n", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=int | None)
    assert setting(parameter, "points on the path.") == "whole number or none; default none. Points on the path."
    assert [spelled(one) for one in (True, None, 0.5, ("a", "b"), "max")] == ["true", "none", "0.5", "(a,b)", "max"]


def test_descriptions_of_a_docstring():
    doc = "Title.\n\nArgs:\n    a, b: one thing\n        on two lines.\n    c: another: thing.\nReturns:  x\n"
    assert descriptions(doc) == {"a": "one thing on two lines.", "b": "one thing on two lines.", "c": "another: thing."}
    assert descriptions("Title.") == {}


def test_what_to_try_can_be_tried():
    seen = {name: CliRunner().invoke(main, ["methods", name]).stdout for name in ("saliency", "attention_weights")}
    assert 'pellucid see demo cat.jpg -m "saliency' in seen["saliency"]
    assert 'pellucid see hf:DIR "a text" -m "attention_weights' in seen["attention_weights"]


def test_a_method_over_data_is_tried_with_a_sweep() -> None:
    said = CliRunner().invoke(main, ["methods", "embedding"]).output
    assert "pellucid sweep demo --data folder:photos -m " in said and "pl.embedding()(model, data)" in said


def test_a_method_that_may_take_data_is_tried_with_both() -> None:
    said = CliRunner().invoke(main, ["methods", "activation_maximization"]).output
    assert "pellucid see demo cat.jpg -m " in said and "pellucid sweep demo --data folder:photos -m " in said
    assert "pl.activation_maximization()(model, x)" in said
