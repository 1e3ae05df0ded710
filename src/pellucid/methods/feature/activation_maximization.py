"""Activation maximization: from noise to the input that a class, a unit or a layer answers to most."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from annotated_types import Ge
from torch import Tensor

from pellucid.core.text import Text
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Layer, Looking
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.feature._maximized.aims import at_classes, beginning, bounds_of, check_asked, in_layer, wanted
from pellucid.methods.feature._maximized.canvas import Generator, canvases
from pellucid.methods.feature._maximized.climb import Climb
from pellucid.methods.feature._maximized.found import found_for
from pellucid.ops.moved import Moves
from pellucid.registry import method
from pellucid.results import Gallery, Series


@method(
    title=Text("What a unit wants", "单元想要什么"),
    question=Text("Which input would raise this class or channel most?", "什么样的输入最能激发这个类别或通道？"),
    shows=Text(
        "Inputs that were optimised from noise until the network answers as strongly as it can. Under each: the objective that it reaches, and the best of noise. Over data: beside it the regions that excite the unit most, and the best of real samples.",
        "从噪声出发优化得到的输入，使网络的响应尽可能强。图下为其达到的目标值与噪声的最佳值。遍历数据时，旁边是最能激发该单元的区域，并给出真实样本的最佳值。",
    ),
    cannot=Text(
        "What the unit answers to in real data: the input lies outside them, other priors and seeds give others as strong, and a channel may answer to several things of which this shows one.",
        "单元在真实数据中响应什么：这些输入在真实数据之外，换先验或种子会得到同样强的另一些输入；一个通道可能响应多种事物，而这里只显示其一。",
    ),
    check=Text(
        "Change seed= and prior=, or take n_images=4: trust what stays. Run it over data (lens.sweep): what the regions beside it do not show may be a mirage.",
        "更换 seed= 与 prior=，或取 n_images=4：只信保持不变的部分。用 lens.sweep 在数据上运行：旁边的区域中没有的东西，可能只是幻象。",
    ),
    needs=Text(
        "A network through which the gradient reaches an input of numbers; not words.",
        "梯度能传到数值输入的网络；文本不行。",
    ),
    formula="x* = g(z*), z* = argmax_z E_T f(T(g(z))); T moves the picture a little",
    paper="Erhan et al. 2009; Olah et al. 2017, doi:10.23915/distill.00007; MACO: Fel et al. 2023, arXiv:2306.06805",
    steps=Text(
        "1. Draw random parameters: Fourier coefficients, pixels, phases, or what a generator takes. 2. Make the input of them, within the range of pictures. 3. Shift, turn and scale it a little at random. 4. Take the gradient of the objective at the input and go up, with Adam (phases: NAdam). 5. Stop where it no longer rises. 6. Look at the final input unmoved, at noise, and over data at every sample.",
        "1. 随机抽取参数：傅里叶系数、像素、相位或生成器的潜变量。2. 由参数得到输入，限制在图像取值范围内。3. 随机地略微平移、旋转、缩放。4. 求目标在输入处的梯度，用 Adam 上升（相位用 NAdam）。5. 不再上升时停止。6. 检视不加变换的最终输入，并与噪声比较；遍历数据时也与每个样本比较。",
    ),
    quick={"n_steps": 3},
)
def activation_maximization(
    target: Target | None,
    lens: Looker,
    x: Inputs | None = None,
    data: Source | None = None,
    layer: Layer | None = None,
    channels: Annotated[int, Ge(1)] | tuple[int, ...] = 9,
    objective: Literal["channel", "neuron", "norm"] | Tensor | Gallery | Callable[[Tensor], Tensor] = "channel",
    prior: Literal["fourier", "pixels", "maco", "maco_of_x"]
    | Generator
    | tuple[Generator, tuple[int, ...]] = "fourier",
    n_steps: Annotated[int, Ge(1)] = 256,
    n_images: Annotated[int, Ge(1)] = 1,
    diversity: Annotated[float, Ge(0)] = 0.0,
    size: Annotated[int, Ge(1)] | None = None,
    moves: bool = True,
    transparency: bool = False,
    k: Annotated[int, Ge(0)] = 5,
    seed: int = 0,
) -> Looking[tuple[Gallery | Series, ...]]:
    """Gradient ascent on the parameters of an input, all inputs in one batch.

    Args:
        x: an example: what is made has its shape and range, of rows of a table the range of each column over all that
            are given; what it shows only decides the target or the channels, where these are not given. Without `layer`
            one input is made for the target of each example. None: as the preprocessing of the lens states it.
        data: instead of an example, `lens.sweep(data, ...)`: the first sample gives shape and range, what is made stands
            beside its unit's `top_regions` (of directions and classes: the best samples), and the best objective of
            all samples is stated. Without `layer` classes are raised.
        layer: raise units of this layer instead of the target; the forward ends there. Every place makes results.
        channels: how many, those whose peaks stand out most on the example or in the data, or which; over data without
            `layer` the classes, the most frequent first.
        objective: mean of a channel, the channel in the middle of the grid, mean square of the layer (DeepDream); a
            direction `(channel,)` or several, by their cosine, or the result of `codebook`, whose codes and layer are
            then meant; or a function of the layer's value, one number per row.
        prior: parameters are Fourier coefficients whose effect falls with frequency, pixels, or phases with fixed
            magnitudes (MACO, here with `moves` instead of its crops), which fall with frequency or are those of the
            example; or a generator: a function that makes inputs of the network, alone or with the shape of what it
            takes for one input.
        n_steps: most steps; an input that no longer rises stops earlier.
        n_images: inputs for each unit.
        diversity: part of the objective that is taken off where the inputs of a unit are alike in the layer.
        size: side of what is made, where the network takes others than the example's.
        moves: whether the input is shifted, turned and scaled between steps.
        transparency: fade what the gradients hardly touched.
        k: regions of data beside each unit.
        seed: of the noise.
    Returns:  a Gallery for each input of the network, and a Series of the objective over the steps; `facts` hold the
        objective of the final inputs without moves, the best of eight noise inputs and of the data, the steps, and of
        classes how many the network itself recognises.
    Raises:   NotApplicable if the input is words, or no gradient reaches it.
    Source:   Erhan et al. 2009; Olah et al. 2017; Mordvintsev et al. 2018; Fel et al. 2023, arXiv:2306.06805.
    """
    example = beginning(x, data, lens.blank)
    if layer is None and isinstance(objective, Gallery):
        layer = objective.layer
    check_asked(layer, channels, objective, diversity, over_data=data is not None)
    bounds, bare = bounds_of(example, data), x is None and data is None
    asked: dict[str, Any] = {"channels": channels, "data": data, "n_images": n_images, "k": k}
    if bare and layer is None:
        example = example.repeated(wanted(target))
    if layer is None:
        aims = yield from at_classes(example, target, **asked)
    else:
        aims = yield from in_layer(example, layer, objective, diversity=diversity, bare=bare, **asked)
        example = example.rows(0, 1)
    reader = lens.traces.get(example.signature)
    found = canvases(example, prior, size=size, steps_first=reader is not None and reader.steps_first(), bounds=bounds)
    results: tuple[Gallery | Series, ...] = ()
    for aim in aims:
        climb = Climb(aim.x, found, aim.target, n_steps, Moves() if moves else None, seed)
        results += yield from found_for(climb, aim, transparency=transparency)
    return results
