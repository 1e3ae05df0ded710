import inspect
import pickle

import pytest

from pellucid.core import errors
from pellucid.core.errors import BadInput, BadRequest, ModelFailed, NotApplicable, PellucidError, nearest_names, quoted
from pellucid.core.text import Text

ALL = [one for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, PellucidError)]
CALLERS = {"UnknownMethod", "BadSetting", "LayerNotFound", "BadTarget", "BadInput", "BadWeights", "BadRequest"}


def test_one_line_where_there_is_no_help():
    assert str(BadInput("x is empty")) == "x is empty"


def test_help_stands_below_in_a_fixed_order():
    error = BadInput("what", hint="how", nearest="'a', 'b'", asked_by="saliency()")
    assert str(error).splitlines() == ["what", "  asked by  saliency()", "  nearest   'a', 'b'", "  try       how"]
    assert error.args == ("what",)


def test_help_that_is_learned_later_is_said():
    error = BadInput("what")
    error.asked_by = "saliency()"
    assert str(error) == "what\n  asked by  saliency()"


@pytest.mark.parametrize("kind", ALL, ids=lambda one: one.__name__)
def test_what_the_caller_got_wrong_is_a_value_error_and_nothing_else_is(kind):
    assert issubclass(kind, BadRequest) == issubclass(kind, ValueError) == (kind.__name__ in CALLERS)
    assert kind("what", hint="h").what == "what"


def test_a_failed_model_brings_its_trace():
    assert ModelFailed("what", trace=[1]).trace == [1] and ModelFailed("what").trace is None
    assert not issubclass(NotApplicable, ValueError)


def test_errors_travel_between_processes():
    sent = pickle.loads(pickle.dumps(BadInput("what", hint="how", asked_by="me")))
    assert str(sent) == "what\n  asked by  me\n  try       how" and type(sent) is BadInput


def test_nearest_names_are_the_likest_first():
    names = ["saliency", "slices", "grad_cam", "weights"]
    assert nearest_names("salency", names)[0] == "saliency"
    assert nearest_names("gradcam", names, 1) == ["grad_cam"]


def test_where_nothing_is_alike_the_first_names_are_given():
    assert nearest_names("zzzz", ["one", "two", "one", "three", "four"]) == ["one", "two", "three"]
    assert nearest_names("zzzz", []) == []


def test_quoted():
    assert quoted(["a", "b"]) == "'a', 'b'" and quoted([]) == ""


def test_what_is_known_in_both_languages_is_said_in_both():
    error = NotApplicable(Text("no grid", "没有网格"), nearest="'a'", hint=Text("another layer", "换一个层"))
    assert (error.what, error.hint, error.args) == ("no grid", "another layer", ("no grid",))
    assert str(error) == "no grid\n  nearest   'a'\n  try       another layer"
    assert error.words.say("zh") == "没有网格"
    assert error.helps("zh") == [("最接近的", "'a'"), ("可以尝试", "换一个层")]
    sent = pickle.loads(pickle.dumps(error))
    assert (sent.words, sent.helps("zh")) == (error.words, error.helps("zh"))


def test_what_is_said_later_is_said_in_every_language():
    error = BadInput(Text("old", "旧"), hint=Text("old", "旧"))
    error.what, error.hint = "new", Text("newer", "更新")
    assert (str(error), error.words.say("zh"), error.advice.say("zh")) == ("new\n  try       newer", "new", "更新")
