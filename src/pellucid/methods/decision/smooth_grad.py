"""SmoothGrad: any attribution, averaged over noisy copies of the input; or how much it varies among them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge
from torch import Tensor

from pellucid.core.errors import BadSetting
from pellucid.core.needs import DIFFERENTIABLE
from pellucid.core.text import Text
from pellucid.engine.passes import INPUT, Looking, Pass
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._cut import copies_of
from pellucid.methods.decision._pooled import Pool, uneven
from pellucid.ops.draws import generator
from pellucid.registry import View, method, view
from pellucid.results import Attribution

Statistic = Literal["mean", "variance", "square"]


@method(
    title=Text("SmoothGrad", "SmoothGrad 平滑归因"),
    question=Text(
        "What of this picture stays when the input trembles a little?", "输入轻微抖动时，这幅归因图中哪些部分保持不变？"
    ),
    shows=Text(
        "The picture of another method, averaged over noisy copies of the input: what depends on the very pixel cancels out.",
        "将另一种方法的图在带噪声的输入副本上取平均：只取决于个别像素的部分相互抵消。",
    ),
    cannot=Text(
        "Anything that the method beneath cannot tell; and the network may never have seen such noise, so it is no longer this input alone that is explained.",
        "所平滑的方法本身不能说明的内容；且网络可能从未见过这种噪声，因此解释的不再只是这一个输入。",
    ),
    check=Text(
        "Look at facts['standard error']: a large share means too few samples. Compare noise=0.05 with noise=0.3.",
        "查看 facts['standard error']：占比大说明样本太少；并比较 noise=0.05 与 noise=0.3。",
    ),
    needs=DIFFERENTIABLE,
    formula="S = mean over ε ~ N(0, σ²) of A(x + ε),  σ = noise · (max x − min x);  variance and mean of squares likewise",
    paper="Smilkov et al. 2017, arXiv:1706.03825",
    steps=Text(
        "1. Make copies of the input, each with Gaussian noise of its own. 2. Make the picture of the chosen method for each, for the class of the clean input. 3. Average them, or take their variance, or the average of their squares.",
        "1. 复制输入，每份各加高斯噪声。2. 以原输入的类别为目标，用所选方法为每份作图。3. 取平均，或取方差，或取平方的平均。",
    ),
    quick={"n_samples": 3},
)
def smooth_grad(
    x: Inputs,
    target: Target,
    of: View | str = "saliency",
    n_samples: Annotated[int, Ge(1)] = 25,
    noise: Annotated[float, Ge(0)] | tuple[float, ...] = 0.15,
    statistic: Statistic = "mean",
    antithetic: bool = False,
    seed: int = 0,
    batch_size: Annotated[int, Ge(1)] | None = None,
) -> Looking[tuple[Attribution, ...]]:
    """The attribution of another method over noisy copies of the input.

    Args:
        of: the method, with its settings; any that gives attributions of each example.
        n_samples: how many copies.
        noise: standard deviation of the noise, as a share of the range of each example of the input (of its embedding
            where the input is integer); a tuple: one for each explained input.
        statistic: the mean, the variance (VarGrad) or the mean of the squares (SmoothGrad²) over the copies.
        antithetic: draw every noise twice, with either sign.
        seed: of the noise; copy number i has the same noise whatever the batch.
        batch_size: most rows in one pass. None: up to 16 rows while they are small.
    Returns:  Attribution of the shape that the method gives, in its units (squared for the other statistics);
        `facts["standard error"]` per example: of the mean, as a share of its own size.
    Raises:   NotApplicable if the method does not apply, or gives no attribution for each example.
    Source:   Smilkov et al. 2017, arXiv:1706.03825, section 3; variance: Adebayo et al. 2018, arXiv:1810.03292; squares:
        Hooker et al. 2019, arXiv:1806.10758.
    """
    inner, copies = view(of), copies_of(x, batch_size)
    seen = yield from Pass(x, keep=[INPUT], target=target)
    clean = {spot.input: spot.value for spot in seen.at(INPUT)}
    sigma = _deviations(clean, noise)
    pools: list[Pool] = []
    for start in range(0, n_samples, copies):
        drawn = range(start, min(start + copies, n_samples))
        noisy = {
            name: torch.cat([value + _noise(value, name, sigma, seed, i, antithetic) for i in drawn])
            for name, value in clean.items()
        }
        looked = yield from inner.look(x.repeated(len(drawn)).replaced(noisy), target)
        results = looked if isinstance(looked, tuple) else (looked,)
        pools = pools or [Pool(x, inner) for _ in results]
        if len(results) != len(pools):
            raise uneven(inner)
        for pool, result in zip(pools, results, strict=True):
            pool.add(result, len(drawn))
    return tuple(_made(pool, statistic, seen.targets, _told(inner, statistic, n_samples, noise)) for pool in pools)


def _deviations(clean: Mapping[str, Tensor], noise: float | tuple[float, ...]) -> dict[str, Tensor]:
    """Standard deviation of the noise by input, `(batch, 1, ...)`."""
    each = noise if isinstance(noise, tuple) else (noise,) * len(clean)
    if len(each) != len(clean) or min(each) < 0:
        raise BadSetting(f"noise={noise} is not one share of at least 0 for each of {len(clean)} explained inputs")
    found: dict[str, Tensor] = {}
    for (name, value), share in zip(clean.items(), each, strict=True):
        flat = value.flatten(1)
        width = (flat.amax(1) - flat.amin(1)) * share
        found[name] = width.reshape(-1, *[1] * (value.ndim - 1))
    return found


def _noise(value: Tensor, name: str, sigma: Mapping[str, Tensor], seed: int, i: int, antithetic: bool) -> Tensor:
    """The noise of copy `i`, the same pattern for every example."""
    draws = generator(seed, (i // 2 if antithetic else i) * len(sigma) + list(sigma).index(name))
    pattern = torch.randn((1, *value.shape[1:]), generator=draws, dtype=torch.float32).to(value)
    return pattern * sigma[name] * (-1 if antithetic and i % 2 else 1)


def _told(inner: View, statistic: Statistic, samples: int, noise: float | tuple[float, ...]) -> Text:
    """What was averaged over what."""
    name = repr(inner) if inner.changed else inner.name
    shares = ", ".join(f"{one:.3g}" for one in (noise if isinstance(noise, tuple) else (noise,)))
    english, chinese = {
        "mean": ("Mean", "平均"),
        "variance": ("Variance", "方差"),
        "square": ("Mean square", "平方的平均"),
    }[statistic]
    return Text(
        f"{english} of {name} over {samples} noisy copies, noise {shares} of the range of the input.",
        f"{name} 在 {samples} 份带噪声副本上的{chinese}，噪声为输入取值范围的 {shares}。",
        aside=True,
    )


def _made(pool: Pool, statistic: Statistic, targets: Any, told: Text) -> Attribution:
    values = pool.mean if statistic == "mean" else pool.variance if statistic == "variance" else pool.square
    first, unit = pool.first, pool.first.unit
    squared = Text(f"({unit})²", f"({unit.say('zh') if isinstance(unit, Text) else unit})²")
    return first.with_(
        values=values.astype(first.values.dtype),
        base=pool.base(),
        targets=targets,
        signed=first.signed and statistic == "mean",
        unit=unit if statistic == "mean" else squared,
        facts={"samples": pool.count, "standard error": pool.standard_error()},
        notes=(told, *pool.notes),
    )
