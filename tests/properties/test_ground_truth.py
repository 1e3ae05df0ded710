"""Where the right picture is known, every attribution shows it, or stands in `cannot.py` with the reason."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid import registry
from pellucid.core.errors import PellucidError
from pellucid.results import Attribution
from pellucid.results.failure import Failure
from tests.contract import looks
from tests.networks import known
from tests.properties import truths
from tests.properties.cannot import CANNOT, QUESTIONS

METHODS = [
    name
    for name in looks.METHODS
    if registry.find(name).family in ("decision", "activation") and Attribution in looks.kinds(name)
]
every_method = pytest.mark.parametrize("method", METHODS)
# Finer than by default where the scene is small: single elements, more draws. Rules without what stabilises them.
GROUPED, DRAWN = ("shapley", "lime", "rise"), ("lime", "rise")
SETTINGS: dict[str, dict[str, Any]] = {
    "lrp": {"epsilon": 1e-12},
    "attn_lrp": {"gamma": 0.0},
    "occlusion": {"size": 1, "stride": 1},
    "rise": {"n_samples": 1500},
    "smooth_grad": {"n_samples": 200},
    "expected_gradients": {"n_samples": 400, "baselines": 0.0},
}
SIGMAS = 5
LAST = {truths.Functions: "/relu.2", truths.InPlace: "/relu.2", truths.Reused: "relu1#2"}
QUICK: dict[str, Any] = {"groups": "grid:3", "n_samples": 60}


def settings_of(method: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings for small scenes and these, of which the method has some; occlusion keeps its windows."""
    wanted = {**SETTINGS.get(method, {}), **settings}
    if method not in GROUPED:
        wanted.pop("groups", None)
    return {name: value for name, value in wanted.items() if name in registry.find(method).settings}


def at(method: str, layer: str) -> dict[str, str]:
    """That layer, for methods that read inside."""
    setting = registry.find(method).settings.get("layer")
    return {"layer": layer} if setting is not None and setting.default in ("last spatial", "last block") else {}


def many(method: str) -> dict[str, int]:
    """So many draws that an estimate stands still."""
    return {"n_samples": 5000} if method in DRAWN else {}


def look(method: str, model: nn.Module, x: Tensor, target: Any, **settings: Any) -> Attribution:
    """The first result of a method; raises its refusal."""
    answer = pl.Lens(model).see(x, registry.find(method)(**settings_of(method, settings)), target=target)[0]
    if isinstance(answer, Failure):
        raise answer.error
    return answer[0] if isinstance(answer, tuple) else answer


def error_of(result: Attribution) -> float:
    """The largest standard error of a value, where values are estimates that scatter around the picture."""
    drawn = result.provenance is not None and result.provenance.method in DRAWN
    return float(np.max(result.facts["standard error"])) if drawn else 0.0


def close(result: Attribution, expected: Tensor, tolerance: float = 1e-6) -> bool:
    """Whether the values are the expected ones, to a tolerance or within their own errors."""
    right = expected.detach().numpy()
    scale, error = max(1.0, float(np.abs(right).max())), SIGMAS * error_of(result)
    near = np.abs(result.values[0] - right) <= tolerance * scale + error
    return error < 0.12 * scale and bool(near.all())


def same(here: Attribution, there: Attribution) -> bool:
    """Whether two results have the same values but for rounding."""
    largest = float(np.abs(here.values).max())
    return largest > 0 and bool(np.abs(here.values - there.values).max() <= 1e-5 * largest)


def on_grid(result: Attribution) -> np.ndarray:
    """Signed values of the first example on the grid of the input, channels added up."""
    plain = result if result.reduction == "none" else result.with_(reduction="sum")
    return plain.heat[0] if plain.heat.ndim == 3 else plain.heat[0].sum(0)


def judged(question: str, method: str, shows: Callable[[], bool]) -> None:
    """The method shows the picture, or is listed; not both."""
    listed = CANNOT.get(question, {}).get(method)
    try:
        right, why = shows(), "another picture"
    except PellucidError as refusal:
        right, why = False, str(refusal)
    if listed is None:
        assert right, f"{method}: {why}"
    else:
        assert not right, f"{method} shows the picture: take it off the list"


def picture(result: Attribution) -> Tensor:
    """What is drawn of the first example, positive part, as far as it stands out of its own error."""
    heat = result.heat[0] if result.heat.ndim == 3 else on_grid(result)
    return torch.tensor(np.where(np.abs(heat) > 3 * error_of(result), np.maximum(heat, 0), 0))


@every_method
def test_linear_scorer(method: str) -> None:
    """10.1: the weights, or each feature's share w (x − 0)."""
    model = known.linear_scorer()
    x = torch.randn(1, 6, generator=known.generator(7), dtype=torch.float64)

    def shows() -> bool:
        result = look(method, model, x, 1, **many(method))
        return close(result, model.weight[1]) or close(result, model.weight[1] * x[0])

    judged("linear", method, shows)


@every_method
def test_template_detector(method: str) -> None:
    """10.2: the planted patch holds the peak, and most of what speaks for it."""
    scene = known.template_detector()
    top, bottom, left, right = scene.boxes[0]
    along = torch.arange(24)
    fives = ((along + 3) // 5)[:, None] * 5 + along // 5  # squares of the patch's size, one of them the patch

    def shows() -> bool:
        heat = picture(look(method, scene.model, scene.x, 0, groups=fives))
        row, column = np.unravel_index(int(heat.argmax()), heat.shape)
        return bool(top <= row < bottom and left <= column < right) and scene.share_inside(heat, 0) > 0.5

    judged("template", method, shows)


@every_method
def test_two_objects(method: str) -> None:
    """10.3: each class shows its own object and nothing of the other."""
    scene = truths.two_objects()

    def shows() -> bool:
        heats = [picture(look(method, scene.model, scene.x, target, groups="grid:16")) for target in (0, 1)]
        return all(scene.share_inside(heat, target) > 0.9 for target, heat in enumerate(heats))

    judged("objects", method, shows)


@every_method
def test_contrast(method: str) -> None:
    """10.3: "A rather than B" is positive on A; where the method has signs, negative on B."""
    scene = truths.two_objects()

    def shows() -> bool:
        result = look(method, scene.model, scene.x, pl.contrast(0, 1))
        heat = on_grid(result)
        first, second = (float(heat[a:b, c:d].mean()) for a, b, c, d in (scene.boxes[0], scene.boxes[1]))
        slack = 3 * error_of(result)
        return first > slack and (second < -slack if result.signed else second <= first * 0.01)

    judged("contrast", method, shows)


@every_method
def test_gates(method: str) -> None:
    """10.4: AND, OR, XOR of (1, 1), and what has long been enough: a = 2 in 1 − relu(1 − a)."""
    model = truths.gates()
    ones, two = torch.ones(1, 3, dtype=torch.float64), torch.tensor([[2.0, 0.0, 1.0]], dtype=torch.float64)
    cases = [(ones, 0, (0.5, 0.5, 0)), (ones, 1, (0.5, 0.5, 0)), (ones, 2, (0, 0, 0)), (two, 3, (1, 0, 0))]
    judged(
        "gates",
        method,
        lambda: all(
            close(look(method, model, x, gate, **many(method)), torch.tensor(right)) for x, gate, right in cases
        ),
    )


@every_method
def test_quadratic_form(method: str) -> None:
    """10.5: the gradient Qx, or the fair shares x ⊙ Qx / 2; what draws noise comes near."""
    model = truths.Quadratic().eval()
    x = torch.randn(1, 6, generator=known.generator(8), dtype=torch.float64)
    gradient = x[0] @ model.matrix
    tolerance = 0.1 if method in ("smooth_grad", "expected_gradients") else 1e-6

    def shows() -> bool:
        result = look(method, model, x, None, **many(method))
        return close(result, gradient, tolerance) or close(result, x[0] * gradient / 2, tolerance)

    judged("quadratic", method, shows)


@every_method
def test_shares_are_complete(method: str) -> None:
    """10.6: without biases, ReLU and max-pool: the shares sum to the score."""
    model = known.homogeneous(3)
    x = torch.randn(1, 3, 14, 14, generator=known.generator(4), dtype=torch.float64)

    def shows() -> bool:
        result = look(method, model, x, 2, groups="grid:3", relu=False)
        total = sum(result.facts["values"][0]) if "values" in result.facts else float(result.values[0].sum())
        score = float(model(x).detach()[0, 2])
        return abs(total - score) <= 1e-5 * abs(score)

    judged("complete", method, shows)


@every_method
def test_masked_out_region(method: str) -> None:
    """10.13: what the model multiplies by zero gets nothing; at a layer, where no kernel reaches beyond the window."""
    torch.manual_seed(0)
    model = truths.Windowed().double().eval()
    x = torch.randn(1, 3, 16, 16, generator=known.generator(4), dtype=torch.float64) + 0.5

    def shows() -> bool:
        result = look(method, model, x, 0, groups="grid:4", n_samples=400)
        inside = slice(6, 10) if result.layer else slice(4, 12)
        heat = np.abs(on_grid(result))
        slack = 1e-9 * heat.max() + SIGMAS * error_of(result)
        return bool(heat[inside, inside].max() <= slack < heat.max())

    judged("window", method, shows)


@every_method
def test_shift(method: str) -> None:
    """10.14: input and baseline moved by a constant that the first bias takes back."""
    x = torch.randn(1, 3, 12, 12, generator=known.generator(4), dtype=torch.float64)

    def shows() -> bool:
        here = look(method, truths.shifted(0.0), x, 1, **QUICK)
        there = look(method, truths.shifted(1.5), x + 1.5, 1, **QUICK, baselines=1.5)
        return same(here, there)

    judged("shift", method, shows)


@every_method
@pytest.mark.parametrize("other", [truths.rescaled, truths.duplicated], ids=["rescaled", "duplicated"])
def test_channels(method: str, other: Callable[[], nn.Module]) -> None:
    """10.15: the same function, its channels larger or twice: the same picture."""
    x = torch.randn(1, 3, 12, 12, generator=known.generator(4), dtype=torch.float64)
    torch.testing.assert_close(other()(x), truths.plain()(x), rtol=1e-10, atol=1e-12)
    judged(
        other.__name__,
        method,
        lambda: same(look(method, truths.plain(), x, 1, **QUICK), look(method, other(), x, 1, **QUICK)),
    )


@pytest.fixture(scope="module")
def probed() -> tuple[nn.Module, Tensor, Callable[[Tensor], Tensor], Tensor]:
    """A network with a map for output, an input, one place of the output, and the pixels that can move it."""
    torch.manual_seed(0)
    model = truths.Dense().double().eval()
    x = torch.randn(1, 1, 15, 13, generator=known.generator(4), dtype=torch.float64)

    def place(output: Tensor) -> Tensor:
        return output[:, 0, 3, 2]

    return model, x, place, truths.reach(model, x, place)


@every_method
def test_reach(method: str, probed: tuple[nn.Module, Tensor, Callable[[Tensor], Tensor], Tensor]) -> None:
    """10.16: nothing beyond the pixels that can move the target, found one by one."""
    model, x, place, reached = probed
    assert 0.05 < float(reached.float().mean()) < 0.8

    def shows() -> bool:
        draws = {"shapley": 4, "rise": 1500, "lime": 600}.get(method, 60)
        result = look(method, model, x, place, groups="elements", n_samples=draws, relu=False, **at(method, "narrow"))
        heat, allowed = np.abs(on_grid(result)), reached.numpy()
        if result.layer and result.values.ndim == 3:  # a map of cells: those that hold a pixel of the reach
            heat = np.abs(result.values[0])
            rows, columns = np.nonzero(allowed)
            allowed = np.zeros(heat.shape, bool)
            allowed[rows * heat.shape[0] // x.shape[2], columns * heat.shape[1] // x.shape[3]] = True
        slack = 1e-9 * heat.max() + SIGMAS * error_of(result)
        return bool(heat[~allowed].max() <= slack < heat.max())

    judged("reach", method, shows)


@every_method
@pytest.mark.parametrize("kind", [truths.Functions, truths.InPlace, truths.Reused])
def test_twins(method: str, kind: type[truths.Modules]) -> None:
    """10.17: the same weights in another style of code: the same picture."""
    x = torch.randn(1, 3, 16, 16, generator=known.generator(4), dtype=torch.float64)
    here = look(method, truths.twin(truths.Modules), x, 1, **QUICK, **at(method, "relu3"))
    there = at(method, LAST[kind])
    judged("twins", method, lambda: same(here, look(method, truths.twin(kind), x, 1, **QUICK, **there)))


@every_method
def test_compiled_and_scripted_twins(method: str) -> None:
    """10.17: a compiled network has the same picture; a scripted one too, or the refusal names the script."""
    x = torch.randn(1, 3, 16, 16, generator=known.generator(4), dtype=torch.float64)
    here = look(method, truths.twin(truths.Modules), x, 1, **QUICK)
    compiled = torch.compile(truths.twin(truths.Modules), backend="eager")
    assert same(here, look(method, compiled, x, 1, **QUICK))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that TorchScript is old
        scripted = torch.jit.script(truths.twin(truths.Modules))
    answer = pl.Lens(scripted).see(x, registry.find(method)(**settings_of(method, QUICK)), target=1)[0]
    if isinstance(answer, Failure):
        assert "script" in str(answer.reason)
    else:
        assert same(here, answer[0] if isinstance(answer, tuple) else answer)


@pytest.mark.parametrize("question", CANNOT)
def test_reasons_are_told_in_both_languages(question: str) -> None:
    assert question in QUESTIONS
    for text in (QUESTIONS[question], *CANNOT[question].values()):
        assert len(text.en) > 20 and any("\u4e00" <= mark <= "\u9fff" for mark in text.zh)
