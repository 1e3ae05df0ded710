"""Where results come from: model, weights, settings, versions, and the line that makes them again."""

import platform
import sys
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pellucid import __version__
from pellucid.core.provenance import Provenance, Trace
from pellucid.core.text import Text
from pellucid.engine.looker import Looker
from pellucid.engine.planner import Cost
from pellucid.engine.storage import writes_of
from pellucid.inputs.inputs import Inputs
from pellucid.registry import View
from pellucid.results.attribution import Attribution
from pellucid.results.result import Result


class Origin:
    """What all results of one lens have in common.

    Args:
        looker: the model.
        name: of the model.
        said: what the line that makes a result again calls what is looked at: "model", or "lens" where a lens was told
            more than the model.
    """

    def __init__(self, looker: Looker, name: str, said: str = "model") -> None:
        self.looker, self.name, self.said = looker, name, said
        self.notes: tuple[Text, ...] = ()
        self._digest: tuple[Any, str] = (None, "")

    @property
    def weights(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 over every parameter and buffer.

        It is read again when one of them was written.
        """
        held = [*self.looker.parameters.items(), *self.looker.model.named_buffers()]
        state = tuple((name, id(value), writes_of(value)) for name, value in held)
        if self._digest[0] != state:
            digest = sha256()
            for name, value in held:
                digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
                if not value.is_meta:
                    raw = value.detach().cpu().contiguous().flatten()
                    digest.update(raw.view(torch.uint8).numpy().data if raw.numel() else b"")
            self._digest = (state, digest.hexdigest()[:16])
        return self._digest[1]

    def sign(
        self,
        result: Result,
        view: View,
        x: Inputs | None,
        *,
        weights: str,
        said: str,
        seed: int,
        asked: Any,
        cost: Cost,
        among: Collection[str] = (),
    ) -> Result:
        """The result with its provenance, and with what is to be said of its input, which the user called `said`.

        Args:
            among: the names of the inputs that the method's results are for.
        """
        spec = view.spec
        x = x if "x" in spec.given else None
        either = x is None and "data" in spec.given and "data" not in spec.required
        notes = tuple(dict.fromkeys((*result.notes, *self.notes, *(x.notes if x is not None else ()))))
        made = Provenance(
            method=spec.name,
            family=spec.family,
            settings=plain_settings(view),
            words=spec.words,
            model=self.name,
            weights=weights,
            layer=result.layer,
            input=result.input if isinstance(result, Attribution) and len(among) > 1 else "",
            targets=result.targets,
            seed=seed,
            versions=versions(),
            unseen=self.looker.unseen,
            code=_code(view, self.said, said if x is not None or "data" in spec.given else "", asked, over_data=either),
            trace=Trace(
                cost.forwards,
                cost.backwards,
                cost.samples,
                cost.chunks,
                cost.seconds,
                datetime.now(UTC).isoformat(timespec="seconds"),
                platform.node(),
            ),
        )
        return self._along_steps(result, x).with_(provenance=made, notes=notes)

    def _along_steps(self, result: Result, x: Inputs | None) -> Result:
        """A series that the network reads step by step is `(batch, time, feature)`, which only the forward tells."""
        reader = None if x is None else self.looker.traces.get(x.signature)
        if reader is None or not isinstance(result, Attribution) or result.axes != ("batch", "channel", "time"):
            return result
        if result.base is None or result.base.values is None or not reader.steps_first():
            return result
        base = replace(result.base, values=result.base.values.swapaxes(1, 2))
        return result.with_(base=base, axes=("batch", "time", "feature"))


def plain_settings(view: View) -> dict[str, Any]:
    """Its settings, as values that can be written down."""
    return {name: _plain(value) for name, value in view.settings.items()}


def versions() -> dict[str, str]:
    """Versions of what made a result."""
    return {
        "pellucid": __version__,
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "python": sys.version.split()[0],
    }


def _code(view: View, lens: str, x: str, asked: Any, *, over_data: bool) -> str:
    if x and over_data:
        return f"{'pl.Lens(model)' if lens == 'model' else lens}.sweep({x}, pl.{view!r})"
    target = "" if asked is None or "target" not in view.spec.given else f", target={_said(asked)}"
    return f"pl.{view!r}({lens}{f', {x}' if x else ''}{target})"


def _said(asked: Any) -> str:
    if isinstance(asked, (Tensor, np.ndarray, np.generic)):
        asked = asked.tolist()
    return getattr(asked, "__name__", None) or repr(asked)


def _plain(value: Any) -> Any:
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    return (
        [_plain(one) for one in value]
        if isinstance(value, tuple)
        else str(getattr(value, "__name__", None) or repr(value)[:200])
    )
