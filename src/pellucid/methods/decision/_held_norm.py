"""A readout taken apart into one norm, whose scale is held, and what is linear after it."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pellucid.core.errors import NotApplicable
from pellucid.core.sites import Site
from pellucid.core.text import Text
from pellucid.methods.decision._lens_reading import HALF
from pellucid.methods.decision._residual_stream import FOLDS, NORMS, PRODUCTS, SAME, Stream
from pellucid.ops.precision import in_double

SIZE, CLOSE = 64.0, 1e-4
_LINEAR = (
    SAME
    | FOLDS
    | PRODUCTS
    | {"getitem", "select", "narrow", "index_select", "gather", "chunk", "split", "unbind", "slice"}
    | {"add", "sub", "neg", "mean", "sum", "cat", "stack", "mul", "div", "expand", "pad", "T", "mT"}
    | {"permute", "transpose", "movedim", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "avg_pool2d", "identity"}
)
_OF_TWO = frozenset({"mul", "div", *PRODUCTS})


@dataclass(frozen=True)
class Readout:
    """How the output is read from the stream.

    Args:
        read: where what the linear part reads is seen: the output of the norm, or the stream itself.
        norm: path of the norm, None without one.
        unembedding: the call that makes the scores.
        cap: the first call after it that bends, None if all is linear.
        shifts: whether a constant is added on the way.
    """

    read: Site
    norm: str | None
    unembedding: int
    cap: int | None
    shifts: bool


def readout_of(stream: Stream) -> Readout:
    """The parts of the readout of a stream.

    Raises:
        NotApplicable: it is not one norm and a linear map, maybe with a cap behind.
    """
    norms = {(stream.event(i).path, stream.event(i).call) for i in stream.tail if stream.event(i).op in NORMS}
    unembedding = max(i for i in stream.tail if stream.event(i).op in PRODUCTS)
    if len(norms) > 1:
        raise NotApplicable(
            Text(
                f"between the stream and the scores stand {len(norms)} norms: {', '.join(sorted(path for path, _ in norms))}",
                f"残差流与得分之间有 {len(norms)} 个归一化：{'、'.join(sorted(path for path, _ in norms))}",
            )
        )
    inner = {i for i in stream.tail if norms and _inside(stream, i, next(iter(norms)))}
    for index in stream.tail:
        ahead = bool(inner) and index < min(inner)
        if index in inner or (index > unembedding) or _is_linear(stream, index, only_folds=ahead):
            continue
        address = stream.trace.address(stream.event(index).place)
        raise NotApplicable(
            Text(
                f"'{address}' stands between the residual stream and the final norm, whose scale can only be held where it "
                "reads the stream itself",
                f"'{address}' 位于残差流与最终归一化之间，而归一化的尺度只有在它直接读取残差流时才能固定",
            )
            if ahead
            else Text(
                f"'{address}' bends what is read of the residual stream: the score is no sum over what was written",
                f"'{address}' 使从残差流读出的内容不再线性：得分不是各次写入之和",
            ),
            hint=Text(
                "logit_lens() shows what the model reads after each layer", "logit_lens() 显示模型在每一层之后读出什么"
            ),
        )
    bent = [i for i in stream.tail if i > unembedding and not _is_linear(stream, i)]
    cap = bent[0] if bent else None
    shifts = any(_shifts(stream, i) for i in stream.tail if i not in inner)
    if not norms:
        return Readout(stream.site(stream.last), None, unembedding, cap, shifts)
    path, call = next(iter(norms))
    if any(stream.event(one.event).path.startswith(f"{path}.") or path == "" for one in stream.writes):
        raise NotApplicable(
            Text(
                "the final norm is not a module of its own, so its gain cannot be told from its scale",
                "最终归一化不是单独的模块，无法区分它的增益与尺度",
            ),
            hint="logit_lens()",
        )
    return Readout(Site(path, call), path, unembedding, cap, shifts)


def _inside(stream: Stream, index: int, owner: tuple[str, int]) -> bool:
    event = stream.event(index)
    return (event.path, event.call) == owner or event.path.startswith(f"{owner[0]}.")


def _shifts(stream: Stream, index: int) -> bool:
    """Whether a call adds something that the stream does not give."""
    op = stream.event(index).op
    return op in ("add", "sub") or (op in PRODUCTS and len(stream.trace.links.parameters[index]) > 1)


def _is_linear(stream: Stream, index: int, *, only_folds: bool = False) -> bool:
    """Whether a call is linear in what comes from the stream."""
    event, on_the_way = stream.event(index), {stream.last, *stream.tail}
    varying = [maker for maker in stream.reads[index] if maker in on_the_way]
    if only_folds:
        return event.op in SAME | FOLDS
    return event.op in _LINEAR and not (event.op in _OF_TWO and len(varying) > 1)


@dataclass(frozen=True, eq=False)
class Held:
    """A norm whose scale is held: `gain ⊙ (h − mean h) · scale + shift`.

    Args:
        gain: `(feature,)`, up to a factor that `scale` has.
        shift: `(feature,)`.
        centred: whether the mean is taken off (LayerNorm), or not (RMSNorm).
        scale: one number per row of the features.
    """

    gain: Tensor
    shift: Tensor
    centred: bool
    scale: Tensor

    def of(self, part: Tensor) -> Tensor:
        """What the norm makes of a part of its input, without the shift."""
        part = in_double(part)
        return self.gain * (part - part.mean(-1, keepdim=True) if self.centred else part) * self.scale

    def back(self, slope: Tensor) -> Tensor:
        """What each number of a part is multiplied with, where what `of` makes of it is multiplied with `slope`."""
        one = in_double(slope) * self.gain * self.scale
        return one - one.mean(-1, keepdim=True) if self.centred else one


def held(modules: Mapping[str, nn.Module], path: str, entered: Tensor, left: Tensor) -> Held:
    """The norm at `path`, its scale held at what it was when `entered` became `left`.

    The gain and the shift are told from what the module makes of zero and of a row of equal sizes.

    Raises:
        NotApplicable: what it does is no such norm.
    """
    width = entered.shape[-1]
    probe = torch.full((width,), SIZE, dtype=entered.dtype, device=entered.device)
    probe[1::2] *= -1
    with torch.no_grad():
        rows = torch.stack([torch.zeros_like(probe), probe, probe + SIZE]).view(3, *[1] * (entered.ndim - 2), width)
        zero, made, moved = (in_double(one.reshape(-1)) for one in _made(modules[path], path, rows, entered))
    centred = bool((moved - made).abs().max() < HALF * (made - zero).abs().max())
    wide = in_double(probe)
    gain = (made - zero) / (wide - wide.mean() if centred else wide)
    raw = Held(gain, zero, centred, torch.ones((), dtype=gain.dtype, device=gain.device)).of(entered)
    aim = in_double(left) - zero
    scale = (aim * raw).sum(-1, keepdim=True) / raw.square().sum(-1, keepdim=True).clamp_min(1e-300)
    missed = float((aim - raw * scale).abs().max())
    if missed > (CLOSE if left.element_size() > 2 else HALF) * max(float(aim.abs().max()), 1e-12):
        raise NotApplicable(
            Text(
                f"'{path}' is no norm of the form gain · h / scale + shift (it misses by {missed:.3g}), so its scale cannot "
                "be held",
                f"'{path}' 不是 增益 · h / 尺度 + 偏移 形式的归一化（相差 {missed:.3g}），其尺度无法固定",
            ),
            hint="logit_lens()",
        )
    return Held(gain, zero, centred, scale)


def _made(norm: nn.Module, path: str, rows: Tensor, entered: Tensor) -> Tensor:
    try:
        return norm(rows)
    except RuntimeError as error:
        raise NotApplicable(
            Text(
                f"'{path}' takes no single rows of the last axis of what it reads, {tuple(entered.shape)}: the residual "
                "stream is no sequence of tokens, each with its features last",
                f"'{path}' 不是沿最后一个轴逐行处理它所读取的 {tuple(entered.shape)}：残差流不是词元序列（特征位于最后一个轴）",
            ),
            hint="logit_lens()",
        ) from error
