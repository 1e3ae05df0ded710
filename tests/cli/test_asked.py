"""What stands after -m, as views."""

from typing import Annotated, Literal

import pytest
from annotated_types import Ge, Gt

import pellucid as pl
from pellucid.cli.asked import kind, split, value_of, view_of
from pellucid.engine.passes import Layer
from pellucid.registry import View, find


@pytest.mark.parametrize(
    ("words", "annotation", "value"),
    [
        ("4", int, 4),
        ("-4", Annotated[int, Ge(-9)], -4),
        ("0.5", float, 0.5),
        ("3", float, 3.0),
        ("true", bool, True),
        ("Off", bool, False),
        ("none", float | None, None),
        ("2", float | None, 2.0),
        ("blur", float | str, "blur"),
        ("0.5", float | str, 0.5),
        ("'0.5'", float | str, "0.5"),
        ("MAX", Literal["max", "index"], "max"),
        ("0", Layer, "0"),
        ("layer4:in", Layer, "layer4:in"),
        ("(layer3,layer4)", Layer, ("layer3", "layer4")),
        ("[1, 2]", tuple[int, ...], (1, 2)),
        ("(3,0.5)", tuple[int, float], (3, 0.5)),
        ("(1,2,3)", tuple[int, float], ("1", "2", "3")),
        ("four", int, "four"),
    ],
)
def test_values_are_read_by_the_annotation(words, annotation, value):
    made = value_of(words, annotation)
    assert made == value and type(made) is type(value)


def test_a_method_as_a_setting():
    assert value_of("saliency", View | str) == "saliency"
    assert value_of("grad_cam:layer=conv2", View | str) == pl.grad_cam(layer="conv2")


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ("a,b", ["a", "b"]),
        ("a=(1,2),b", ["a=(1,2)", "b"]),
        ("a='x,y',b", ["a='x,y'", "b"]),
        ("", []),
        ("a,,b", ["a", "b"]),
    ],
)
def test_commas_in_brackets_and_quotes_do_not_split(words, parts):
    assert split(words) == parts


def test_a_view_equals_the_one_made_in_python():
    assert view_of("grad_cam") == pl.grad_cam()
    assert view_of("grad_cam:layer=layer4.1,relu=false") == pl.grad_cam(layer="layer4.1", relu=False)
    assert view_of("activation_maps:layer=(conv1,conv2),channels=3,order=index") == pl.activation_maps(
        layer=("conv1", "conv2"), channels=3, order="index"
    )
    assert view_of(" integrated_gradients : baselines = blur ") == pl.integrated_gradients(baselines="blur")


def test_layers_go_to_methods_that_take_one_and_were_given_none():
    assert view_of("grad_cam", ("conv2",)) == pl.grad_cam(layer="conv2")
    assert view_of("grad_cam", ("conv1", "conv2")) == pl.grad_cam(layer=("conv1", "conv2"))
    assert view_of("grad_cam:layer=conv1", ("conv2",)) == pl.grad_cam(layer="conv1")
    assert view_of("saliency", ("conv2",)) == pl.saliency()


@pytest.mark.parametrize(
    ("words", "error", "what", "near"),
    [
        ("weigths", pl.UnknownMethod, "no visualization is called 'weigths'", "'weights'"),
        ("grad_cam:layers=conv1", pl.BadSetting, "grad_cam has no setting 'layers'", "'layer'"),
        ("grad_cam:conv1", pl.BadSetting, "NAME=VALUE", "layer=..."),
        ("integrated_gradients:n_steps=many", pl.BadSetting, "n_steps='many' is not a whole number", ""),
        ("integrated_gradients:n_steps=0", pl.BadSetting, "n_steps=0", ""),
    ],
)
def test_what_is_wrong_is_told(words, error, what, near):
    with pytest.raises(error) as caught:
        view_of(words)
    assert what in caught.value.what and near in caught.value.nearest


def test_a_bad_setting_names_what_was_typed():
    with pytest.raises(pl.BadSetting) as caught:
        view_of("grad_cam:relu=7")
    assert caught.value.asked_by == "-m grad_cam:relu=7"


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (Annotated[int, Ge(1)], "whole number ≥ 1"),
        (Annotated[float, Gt(0)] | None, "number > 0 or none"),
        (Literal["max", "index"], "max | index"),
        (float | str, "number or text"),
        (tuple[int, ...], "(whole number, ...)"),
    ],
)
def test_kinds_in_words(annotation, words):
    assert kind(annotation) == words


def test_every_setting_of_every_method_has_a_kind():
    from pellucid.registry import names

    for name in names():
        for setting, parameter in find(name).settings.items():
            assert kind(parameter.annotation) or "Callable" in str(parameter.annotation), (name, setting)
