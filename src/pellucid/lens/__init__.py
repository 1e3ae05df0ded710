"""Where methods meet inputs: `Lens`, `Views`, `Run`, and the one-line use of a view."""

from typing import Any

from torch import nn

from pellucid.core.errors import BadRequest, Cancelled
from pellucid.core.text import Text
from pellucid.lens.lens import Lens as Lens
from pellucid.lens.run import Run as Run
from pellucid.lens.sweeping import names_data
from pellucid.lens.views import Views as Views
from pellucid.registry import View
from pellucid.results.failure import Failure


def look(view: View, model: Any, x: Any = None, target: Any = None) -> Any:
    """The result of one view on one input, or on one run; what `View.__call__` does.

    Raises:
        NotApplicable: the network cannot give this picture (or whatever else went wrong).
    """
    if isinstance(model, Run):
        return _alone(model.see(view)[0])
    if not isinstance(model, (Lens, nn.Module)):
        raise BadRequest(
            Text(
                f"a model or a Lens is needed, not {type(model).__name__}",
                f"需要模型或 Lens，而不是 {type(model).__name__}",
            ),
            asked_by=repr(view),
        )
    lens = model if isinstance(model, Lens) else Lens(model)
    over_data = "data" in view.spec.required or ("data" in view.spec.given and names_data(x))
    return _alone(lens.sweep(x, view)[0] if over_data else lens.see(x, view, target=target)[0])


def _alone(result: Any) -> Any:
    if isinstance(result, Failure):
        raise result.error if result.error is not None else Cancelled(result.reason)
    return result
