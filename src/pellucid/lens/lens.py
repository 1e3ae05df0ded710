"""Lens: a model made addressable."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from pellucid.core.errors import BadInput, BadRequest, BadSetting, ModelFailed, NotApplicable
from pellucid.core.text import Text
from pellucid.engine.looker import Looker, unwrapped
from pellucid.engine.planner import Progress
from pellucid.engine.sweeps.run import Course
from pellucid.engine.targets.output import Select
from pellucid.engine.targets.target import Target, Targets
from pellucid.engine.targets.tokens import Generated
from pellucid.engine.targets.vocabulary import texts_of
from pellucid.inputs.data.noise import shaped
from pellucid.inputs.data.open import open_data
from pellucid.inputs.data.preparation import Preparation
from pellucid.inputs.inputs import Inputs
from pellucid.inputs.read import read
from pellucid.lens.asked import Asking
from pellucid.lens.blank import blank
from pellucid.lens.diagnosing import diagnose
from pellucid.lens.facts import facts_of
from pellucid.lens.feed import Feed
from pellucid.lens.generating import Written, written
from pellucid.lens.layers import layer_table
from pellucid.lens.looking import Looking, look_in_blocks
from pellucid.lens.numbering import in_numbers_of
from pellucid.lens.provenance import Origin
from pellucid.lens.run import watch
from pellucid.lens.sweeping import check_views, folder_of, swept
from pellucid.lens.tour import tour
from pellucid.lens.views import Views
from pellucid.registry import View, view
from pellucid.results.failure import Failure
from pellucid.results.table import Table


class Lens:
    """Looks at a model, which stays exactly as it is.

    Args:
        model: any module; compiled and data-parallel wrappers are looked through.
        name: how to call it in reports; default the class name.
        labels: class names, in the order of the output.
        preprocess: what makes the model's input of a picture: `"imagenet"`, a `Preprocess`, or a library's own object.
        tokenizer: what turns text into the model's input.
        features: names of the columns of a model on rows.
        output: which part of the output is explained: a field, a position, or a function; default `logits`, else the
            first floating tensor.
        device: where to look; if the model is elsewhere, a copy of it is looked at there.
        batch_size: most examples in one look; more are looked at block by block.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        name: str | None = None,
        labels: Sequence[str] | None = None,
        preprocess: Any = None,
        tokenizer: Any = None,
        features: Sequence[str] | None = None,
        output: Select = None,
        device: torch.device | str | None = None,
        batch_size: int | None = None,
    ) -> None:
        if not isinstance(model, nn.Module):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise BadRequest(
                Text(
                    f"a Lens needs a torch.nn.Module, not {type(model).__name__}",
                    f"Lens 需要 torch.nn.Module，而不是 {type(model).__name__}",
                ),
                hint=Text(
                    "for a file of weights: pellucid see net.py:Net --weights model.pth",
                    "若是权重文件：pellucid see net.py:Net --weights model.pth",
                ),
            )
        if batch_size is not None and batch_size < 1:
            raise BadSetting(Text(f"batch_size={batch_size} is not at least 1", f"batch_size={batch_size} 应至少为 1"))
        _check_made(model)
        if device is not None and any(one.device != _device(device) for one in model.parameters()):
            model = copy.deepcopy(unwrapped(model)).to(device)
        self.model = model
        self.name = name or type(unwrapped(model)).__name__
        self.labels = tuple(map(str, labels or ()))
        self.preprocess, self.tokenizer, self.batch_size = preprocess, tokenizer, batch_size
        self.features = tuple(features) if features else None
        self._looker = Looker(model, output)
        configured = (labels, preprocess, tokenizer, features, output)
        self._origin = Origin(self._looker, self.name, "model" if all(one is None for one in configured) else "lens")

    def __repr__(self) -> str:
        return f"Lens({self.name}, {sum(one.numel() for one in self._looker.parameters.values()):,} parameters)"

    @property
    def notes(self) -> tuple[Text, ...]:
        """What every result of this lens must say (random weights, whose code ran)."""
        return self._origin.notes

    @notes.setter
    def notes(self, notes: tuple[Text, ...]) -> None:
        self._origin.notes = notes

    @property
    def said(self) -> str:
        """What the line that makes a result again calls this lens."""
        return self._origin.said

    @said.setter
    def said(self, said: str) -> None:
        self._origin.said = said

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        held = [*self._looker.parameters.values(), *self._looker.model.buffers()]
        return held[0].device if held else torch.device("cpu")

    @property
    def dtype(self) -> torch.dtype | None:
        """The floating type that all parameters share; None if they do not."""
        types = {one.dtype for one in self._looker.parameters.values() if one.is_floating_point()}
        return types.pop() if len(types) == 1 else None

    def see(
        self,
        x: Any = None,
        *views: View | str,
        target: Any = None,
        batch_size: int | None = None,
        seed: int = 0,
        progress: Callable[[Progress], None] | None = None,
    ) -> Views:
        """Look at an input through any number of views, in as few passes as they need together.

        Args:
            x: tensor or batch, several inputs (tuple, dict), picture, path, text, row; None for the model alone, and
                for methods that make their input, of the size that `preprocess` states.
            views: configured methods or their names; none for the tour.
            target: class, name, list (one per example), tuple of indices, what `pl.targets`, `contrast`, `token`, ...
                make, a function of the output; None for the predicted class.
            batch_size: most examples in one look.
            seed: of the random state that every forward starts from.
            progress: called between passes; may raise `Cancelled`, what is finished then stays.
        Raises:
            BadRequest: something that was asked for does not exist or cannot be read.
        """
        inputs = None if x is None else self.read(x)
        chosen = [view(one) for one in views] if views else tour(text=inputs is not None and is_text(inputs))
        check_layers(self._looker, chosen)
        for one in chosen:
            _check(one, inputs)
        bare = inputs is None and any("x" in one.spec.given for one in chosen)
        self._looker.blank = blank(self.read, self.preprocess) if bare else None
        asking = Asking(self._looker, self.read, inputs, seed)
        aims, wrote = aims_of(target, asking, self.tokenizer, self.labels)
        looking = Looking(self._looker, self._origin, chosen, aims, seed, progress, _said(x), wrote)
        given, cost = look_in_blocks(looking, asking.x, batch_size or self.batch_size)
        cost = replace(cost, forwards=cost.forwards + asking.cost.forwards, samples=cost.samples + asking.cost.samples)
        raise_requests(chosen, given)
        if not views:
            kept = [pair for pair in zip(chosen, given, strict=True) if not _inapplicable(pair[1])]
            chosen, given = [one for one, _ in kept], [seen for _, seen in kept]
        return Views(chosen, given, cost, self.name)

    def sweep(
        self,
        data: Any,
        *views: View | str,
        batch_size: int | None = None,
        folder: str | Path | None = None,
        resume: bool = False,
        on_bad: Literal["skip", "fail"] = "skip",
        seed: int = 0,
        progress: Callable[[Progress], None] | None = None,
    ) -> Views:
        """Send a data set through the model once, for any number of views over data.

        Args:
            data: `"folder:DIR"`, `"list:FILE.csv"`, `"npz:FILE#KEY"`, `"cifar10:DIR#test"`, `"hf:DIR"`, `"text:FILE"`,
                `"noise:N"`, an array, a list, a map-style `Dataset`, or what `pl.data` opens with settings. Where its
                classes are called as those of the model (`labels` of the lens), labels are numbered as the model
                numbers them.
            views: configured methods over data, or their names.
            batch_size: samples in a batch; default that of the lens, or 32.
            folder: stores what is gathered there, so that it can be gone on with; default in memory.
            resume: go on with what the folder holds; the result has the same bytes as without the interruption.
            on_bad: "skip" counts and lists samples that cannot be read; "fail" ends at the first.
            seed: of the random state that every forward starts from.
            progress: called after every batch; may raise `Cancelled`, what was gathered stays in the folder.
        Raises:
            BadRequest: something that was asked for does not exist or cannot be read.
        """
        chosen = [view(one) for one in views]
        check_views(chosen)
        check_layers(self._looker, chosen)
        accepts = getattr(self._looker.model, "forward", None)
        preparation = Preparation(
            self.preprocess, self.tokenizer, device=self.device, dtype=self.dtype, accepts=accepts
        )
        source = in_numbers_of(shaped(open_data(data), preparation.preprocess), self.labels)
        feed = Feed(source, preparation, self.read, on_bad=on_bad, outputs=self.labels)
        facts = facts_of(feed, self._origin, self._looker, seed)
        course = Course(
            feed, facts, batch_size or self.batch_size or 32, folder=folder_of(folder, resume), resume=resume
        )
        given, cost = swept(self._looker, self._origin, chosen, course, feed, seed=seed, progress=progress)
        raise_requests(chosen, given)
        return Views(chosen, given, cost, self.name)

    watch, diagnose = watch, diagnose

    def layers(self, x: Any = None) -> Table:
        """Every address with kind, shape and parameters; with an input, in the order in which they run."""
        return layer_table(self._looker, None if x is None else self.read(x), self._origin)

    def read(self, x: Any) -> Inputs:
        """An input as the model takes it.

        Raises:
            BadInput: it cannot be one.
        """
        accepts = getattr(self._looker.model, "forward", None)
        reads = self.tokenizer is not None and self.preprocess is None
        source = str(x) if isinstance(x, Path) and reads else x
        return read(
            source,
            preprocess=self.preprocess,
            tokenizer=self.tokenizer,
            features=self.features,
            device=self.device,
            dtype=self.dtype,
            accepts=accepts,
        )


def _check_made(model: nn.Module) -> None:
    """Refuse a model whose layers wait for an input to know their shape."""
    lazy = [name for name, one in model.named_parameters() if is_lazy(one)]
    if lazy:
        raise BadRequest(
            Text(
                f"the shape of '{lazy[0]}' is not known yet: {type(model).__name__} has lazy layers",
                f"'{lazy[0]}' 的形状尚未确定：{type(model).__name__} 含有惰性层",
            ),
            hint=Text("run the model once on an example, then make the lens", "请先用一个样本运行模型，再建立 Lens"),
        )


def aims_of(
    target: Any, asking: Asking, tokenizer: Any, labels: tuple[str, ...]
) -> tuple[list[Target], Written | None]:
    """One target for each thing that is explained; and what the model wrote, where each token of that is."""
    wrote = written(asking, target, tokenizer) if isinstance(target, Generated) else None
    if wrote is not None:
        asking.x, target = wrote.x, wrote.targets
    labels = labels or (asking.x.labels if asking.x is not None else ())
    each, texts = target.each if isinstance(target, Targets) else (target,), texts_of(asking.x, tokenizer)
    return [Target(asking.ready(one), labels, texts=texts) for one in each], wrote


def is_text(x: Inputs) -> bool:
    """Whether words are explained."""
    return any(x.base[name].kind == "tokens" for name in x.explained if name in x.base)


def check_layers(looker: Looker, views: Sequence[View]) -> None:
    """Refuse layers that cannot exist before anything is run.

    Raises:
        LayerNotFound: with the view that asked.
    """
    for one in views:
        for _, layer in one.layers:
            try:
                looker.site(layer)
            except BadRequest as error:
                error.asked_by = repr(one)
                raise


def _check(one: View, inputs: Inputs | None) -> None:
    """Refuse a view that looks at something else than an input, or that lacks it."""
    if "data" in one.spec.required:
        raise BadRequest(
            Text(f"{one.name} looks at a data set", f"{one.name} 查看的是数据集"), hint=f"lens.sweep(data, pl.{one!r})"
        )
    if "run" in one.spec.required:
        hint = f"with lens.watch(optimizer) as run: ...; then run.see(pl.{one!r})"
        raise BadRequest(Text(f"{one.name} looks at a watched training", f"{one.name} 查看的是被监视的训练"), hint=hint)
    if inputs is None and one.spec.needs_input:
        raise BadInput(
            Text(f"{one.name} needs an input x", f"{one.name} 需要输入 x"), asked_by=repr(one), hint="lens.see(x, ...)"
        )


def raise_requests(views: Sequence[View], given: Sequence[Any]) -> None:
    """What the caller got wrong is an error, not a card; so is a model that raises under every view."""
    failed = [seen.error for seen in given if isinstance(seen, Failure)]
    if failed and len(failed) == len(given) and isinstance(failed[0], ModelFailed):
        raise failed[0]
    for one, seen in zip(views, given, strict=True):
        if isinstance(seen, Failure) and isinstance(seen.error, BadRequest):
            seen.error.asked_by = seen.error.asked_by or repr(one)
            raise seen.error


def _said(x: Any) -> str:
    """What the line that makes a result again calls its input."""
    return repr(str(x)) if isinstance(x, (str, Path)) else "x" if x is not None else ""


def _inapplicable(seen: Any) -> bool:
    """Whether a method of the tour found nothing to look at, and is left out."""
    return isinstance(seen, Failure) and isinstance(seen.error, NotApplicable)


def _device(device: torch.device | str) -> torch.device:
    made = torch.device(device)
    return torch.empty(0, device=made).device
