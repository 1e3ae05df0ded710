from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.results.failure import Failure


def test_a_failure_says_who_and_why_in_both_languages() -> None:
    failure = Failure("grad_cam", "no grid", error=NotApplicable(Text("no grid", "没有网格")))
    assert (failure.why(), failure.describe()) == ("no grid", "grad_cam gave no picture: no grid")
    assert (failure.why("zh"), failure.describe("zh")) == ("没有网格", "grad_cam 没有生成图像：没有网格")


def test_what_others_raised_is_said_as_it_is() -> None:
    assert Failure("grad_cam", "division by zero", error=ZeroDivisionError()).why("zh") == "division by zero"
    assert Failure("grad_cam", "it has no convolution").describe("zh") == "grad_cam 没有生成图像：it has no convolution"
