from pellucid.results.failure import Failure


def test_a_failure_says_who_and_why_in_both_languages() -> None:
    failure = Failure("grad_cam", "it has no convolution")
    assert failure.describe() == "grad_cam gave no picture: it has no convolution"
    assert failure.describe("zh").startswith("grad_cam 没有生成图像")
