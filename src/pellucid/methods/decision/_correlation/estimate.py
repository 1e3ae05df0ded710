"""What the sums over pairs say of the units: correlations, covariances or weights, each with its standard error."""

from dataclasses import dataclass
from typing import Literal

import torch
from scipy.special import stdtrit
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.engine.sweeps.reducers import State

Measure = Literal["correlation", "covariance", "weights"]
CERTAIN = 0.99
SINGULAR, MENDED = 1e-12, 1e-3  # least share of the largest eigenvalue; ridge where it is less


@dataclass(frozen=True, eq=False)
class Estimate:
    """Of every unit and pixel.

    Args:
        values, errors: `(unit, pixel)` in double precision; the errors are standard errors.
        pairs: how many they rest on.
        groups: of samples that the errors rest on.
        above: `(unit,)`, the share of pixels that noise alone would leave inside with 99 % probability and that are not.
        fixed: pixels that never vary, whose values are zero.
        dead: `(unit,)`, whether a unit never varies.
        ridge: what was added to the diagonal of the covariance, as a share of the mean variance.
        mended: whether that is so because the covariance is singular.
        how: "own" (whitened by the covariance of the pixels), "white" (by the known one of the noise), "" (not).
    """

    values: Tensor
    errors: Tensor
    pairs: int
    groups: int
    above: Tensor
    fixed: int
    dead: Tensor
    ridge: float = 0.0
    mended: bool = False
    how: Literal["own", "white", ""] = ""


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums of squares and products of deviations from the mean over all pairs, or over all but a group.

    Args:
        count: of pairs.
        cross, pixels, units, own: as the state says, `(pixel, unit)`, `(pixel,)`, `(unit,)`, `(pixel, pixel)`.
    """

    count: int
    cross: Tensor
    pixels: Tensor
    units: Tensor
    own: Tensor | None


def estimated(state: State, measure: Measure, ridge: float, white: float | None, where: str) -> Estimate:
    """The estimate over all pairs, with a jackknife over the groups (unequal ones as Busing et al. 1999).

    Args:
        ridge: added to the diagonal, as a share of the mean variance.
        white: the standard deviation of noise, where the data are that.
        where: of the layer, for errors.
    Raises:
        NotApplicable: there are too few samples.
    """
    state = {name: value.cpu() for name, value in state.items()}
    used = state["count"].nonzero()[:, 0].tolist()
    if len(used) < 2:
        raise NotApplicable(
            Text(
                f"a standard error needs two groups of samples, and the finite pairs at '{where}' come from {len(used)}",
                f"标准误需要两组样本，而 '{where}' 处的有限值对来自 {len(used)} 组",
            ),
            hint=Text("more samples", "请增加样本"),
        )
    whole, moved = _whole(state)
    dead, still = ~_varies(whole.units, state["means"]), ~_varies(whole.pixels, state["mean"])
    how, used_ridge = _whitening(whole, int(state["count"].max()), measure, ridge, white, ~still)
    values = _of(whole, measure, how, used_ridge, white, ~still)
    total, squares, products, weights = *(torch.zeros_like(values) for _ in range(3)), 0.0
    for group in used:
        times = whole.count / int(state["count"][group])
        apart = (times - 1) * (
            values - _of(_without(whole, state, moved, group), measure, how, used_ridge, white, ~still)
        )
        total += apart / times
        squares += apart**2 / (times - 1)
        products += apart / (times - 1)
        weights += 1 / (times - 1)
    errors = ((squares - 2 * total * products + total**2 * weights) / len(used)).clamp(min=0).sqrt()
    band = float(stdtrit(len(used) - 1, (1 + CERTAIN) / 2)) * errors
    above = (values.abs() > band)[~still].double().mean(0) if bool((~still).any()) else torch.zeros(len(dead))
    return Estimate(
        values.T,
        errors.T,
        whole.count,
        len(used),
        above.where(~dead, 0.0),
        int(still.sum()),
        dead,
        used_ridge,
        used_ridge != ridge,
        how,
    )


def _varies(spread: Tensor, means: Tensor) -> Tensor:
    """What varies by more than rounding does."""
    return spread > 1e-24 * (means**2).amax(0).clamp(min=1e-300)


def _whole(state: State) -> tuple[Sums, dict[str, Tensor]]:
    """All groups together, and how far the mean of each is from that of all."""
    counts = state["count"].double()
    count = int(state["count"].sum())
    moved = {name: state[name] - (counts @ state[name]) / count for name in ("mean", "means")}
    weighted = moved["mean"] * counts[:, None]
    own = state.get("own")
    whole = Sums(
        count,
        state["cross"].sum(0) + weighted.T @ moved["means"],
        (state["spread"] + weighted * moved["mean"]).sum(0),
        (state["spreads"] + moved["means"] ** 2 * counts[:, None]).sum(0),
        None if own is None else own.sum(0) + weighted.T @ moved["mean"],
    )
    return whole, moved


def _without(whole: Sums, state: State, moved: dict[str, Tensor], group: int) -> Sums:
    """All pairs but those of a group."""
    mine = int(state["count"][group])
    count = whole.count - mine
    # a group leaves with its own deviations, those of its mean, and the shift of the mean of the others
    weight = mine + mine * mine / count
    gap, gaps = moved["mean"][group], moved["means"][group]
    own = None if whole.own is None else whole.own - state["own"][group] - weight * torch.outer(gap, gap)
    return Sums(
        count,
        whole.cross - state["cross"][group] - weight * torch.outer(gap, gaps),
        whole.pixels - state["spread"][group] - weight * gap**2,
        whole.units - state["spreads"][group] - weight * gaps**2,
        own,
    )


def _of(sums: Sums, measure: Measure, how: str, ridge: float, white: float | None, live: Tensor) -> Tensor:
    """The measure `(pixel, unit)`; zero where a pixel or a unit never varies."""
    made = torch.zeros_like(sums.cross)
    live = live & (sums.pixels > 0)
    if measure == "correlation":
        spread = torch.outer(sums.pixels.clamp(min=0).sqrt(), sums.units.clamp(min=0).sqrt())
        return torch.where((spread > 0) & live[:, None], sums.cross / spread.clamp(min=1e-300), 0.0)
    covariance = sums.cross[live] / max(1, sums.count - 1)
    if measure == "covariance":
        made[live] = covariance
    elif how == "white" and white is not None:
        made[live] = covariance / (white**2 * (1 + ridge))
    elif sums.own is not None:
        own = _ridged(sums.own[live][:, live] / max(1, sums.count - 1), ridge)
        made[live] = torch.linalg.solve(own, covariance)
    return made


def _ridged(own: Tensor, ridge: float) -> Tensor:
    return own + ridge * own.diagonal().mean() * torch.eye(len(own), dtype=own.dtype)


def _whitening(
    whole: Sums, largest: int, measure: Measure, ridge: float, white: float | None, live: Tensor
) -> tuple[Literal["own", "white", ""], float]:
    """By which covariance, and with what ridge; one that is singular, or would be without the largest group, is mended
    where nobody knows it otherwise.
    """
    if measure != "weights":
        return "", ridge
    if whole.own is None:
        return "white", ridge
    own = _ridged(whole.own[live][:, live], ridge)
    ends = torch.linalg.eigvalsh(own)[[0, -1]].tolist() if len(own) else (1.0, 1.0)
    if ends[0] > SINGULAR * ends[1] and (ridge > 0 or whole.count - largest > len(own)):
        return "own", ridge
    return ("white", ridge) if white is not None else ("own", max(ridge, MENDED))


def ordered(found: Estimate) -> list[int]:
    """Units, those first whose maps stand out most."""
    clear = (found.values.abs() / found.errors.clamp(min=1e-300)).clamp(max=1e6).mean(1)
    keys = [(-float(found.above[unit]), -float(clear[unit]), unit) for unit in range(len(clear))]
    return [unit for *_, unit in sorted(keys)]
