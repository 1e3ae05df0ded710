"""Answers that are scores of classes."""

from torch import Tensor

from pellucid.core.text import Text
from pellucid.diagnose.check import DoesNotApply
from pellucid.engine.passes import Seen


def classes(seen: Seen) -> Tensor:
    """Scores `(example, class)`, where a pass kept the output.

    Raises:
        DoesNotApply: the output has another shape, or a single class.
    """
    out = seen.output
    if out is None or out.ndim != 2 or out.shape[1] < 2:
        raise DoesNotApply(Text("the output has no classes to compare", "输出没有可比较的类别"))
    return out.detach()


def chances(scores: Tensor) -> Tensor:
    """Probabilities `(example, class)` in double precision; scores that are none yet go through a softmax."""
    wide = scores.double().cpu()
    are = bool((wide >= 0).all()) and bool(((wide.sum(1) - 1).abs() < 1e-3).all())
    return wide if are else wide.softmax(1)
