"""A model made addressable for the engine: its modules, its traces, one forward, one backward."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import get_gradient_edge
from torch.func import functional_call

from pellucid.core.errors import LayerNotFound, ModelFailed, NotApplicable, PellucidError, nearest_names, quoted
from pellucid.core.sites import Place, Site, parse
from pellucid.core.text import Text
from pellucid.engine.intercept import Intercept, Stop
from pellucid.engine.memory import out_of_memory
from pellucid.engine.passes import Layer
from pellucid.engine.recording import Entry, Recording
from pellucid.engine.restore import Snapshot, pristine, seed_everything
from pellucid.engine.roles import Reader
from pellucid.engine.rules import Rule, in_force
from pellucid.engine.targets.output import Select, explained
from pellucid.inputs.inputs import Inputs

MOST_TRACES = 64
NEEDS_SHAPES = Text(
    "pl.flow_graph() and lens.layers(x) need only shapes; for anything else load the weights",
    "pl.flow_graph() 与 lens.layers(x) 只需要形状；其他方法请先载入权重",
)
_SCRIPTED = (torch.jit.ScriptModule, torch.jit.ScriptFunction)


class Looker:
    """Runs one model as the planner asks.

    Args:
        model: any module; compiled modules and `DataParallel` are looked at through their original.
        output: which tensor of the output is explained.

    `hollow`: something of the model lies on the meta device, where tensors have a shape and no values.
    """

    def __init__(self, model: nn.Module, output: Select = None) -> None:
        self.model = unwrapped(model)
        self.select = output
        self.scripted = isinstance(self.model, _SCRIPTED)
        self.modules: dict[str, nn.Module] = (
            {}
            if self.scripted
            else {path: module for path, module in self.model.named_modules() if not isinstance(module, _SCRIPTED)}
        )
        self.names = frozenset(self.modules)
        self.unseen = (
            tuple(path for path, module in self.model.named_modules() if isinstance(module, _SCRIPTED))
            if not self.scripted
            else ("the whole model (scripted)",)
        )
        self.parameters: dict[str, Tensor] = dict(self.model.named_parameters())
        self.hollow = any(one.is_meta for one in self.held.values())
        self.traces: dict[Any, Reader] = {}
        self.branches = False
        self.sharing, self.layouts = dict[Any, bool](), dict[Any, bool]()
        self.blank: Inputs | None = None  # what a method begins with that was given no input
        self._paths = {id(module): path for path, module in self.modules.items()}
        self._sites: dict[Any, Site] = {}

    @property
    def held(self) -> dict[str, Tensor]:
        """Parameters and buffers by name."""
        return {**self.parameters, **dict(self.model.named_buffers())}

    @property
    def on_cuda(self) -> torch.device | None:
        """The CUDA device that the model is on; None elsewhere."""
        device = next((one.device for one in self.parameters.values()), None)
        return device if device is not None and device.type == "cuda" else None

    def site(self, layer: Layer) -> Site:
        """The parsed site of an address, role or module.

        Raises:
            LayerNotFound: the address breaks the grammar, or no module has that path.
        """
        if isinstance(layer, Site):
            return layer
        if isinstance(layer, nn.Module):
            path = self._paths.get(id(layer))
            if path is None:
                raise LayerNotFound(
                    Text(
                        f"this {type(layer).__name__} is not part of {type(self.model).__name__}",
                        f"这个 {type(layer).__name__} 不属于 {type(self.model).__name__}",
                    ),
                    hint=Text(
                        "pass a module of the model that the lens looks at, or its dotted name",
                        "请传入该模型自己的模块，或它的点分名称",
                    ),
                )
            return Site(path)
        if layer not in self._sites:
            self._sites[layer] = self._parsed(str(layer))
        return self._sites[layer]

    def _parsed(self, text: str) -> Site:
        try:
            site = parse(text, self.names)
        except ValueError as error:
            raise LayerNotFound(str(error)) from None
        known = site.role or site.is_glob or site.path in self.names or self.scripted
        if site.side.startswith(":") and known and not site.is_glob:
            known = f"{site.path}.{site.side[1:]}".lstrip(".") in self.parameters
            if not known:
                _refuse_tied(self, site.path, site.side[1:])
                held = [name for name in self.parameters if name.rpartition(".")[0] == site.path]
                raise LayerNotFound(
                    Text(
                        f"'{site.path}' has no parameter '{site.side[1:]}'", f"'{site.path}' 没有参数 '{site.side[1:]}'"
                    ),
                    nearest=", ".join(
                        f"'{name.replace('.' + name.rpartition('.')[2], ':' + name.rpartition('.')[2])}'"
                        for name in held[:3]
                    )
                    or "none",
                )
        if not known:
            raise LayerNotFound(
                Text(
                    f"{type(self.model).__name__} has no layer '{text}'", f"{type(self.model).__name__} 没有层 '{text}'"
                ),
                nearest=self.neighbours(site.path),
                hint=Text("lens.layers() lists every address", "lens.layers() 列出全部地址"),
            )
        return site

    def weights(self, layer: Layer) -> tuple[Site, ...]:
        """The weights of the modules that a layer denotes.

        Raises:
            LayerNotFound: a module has no weight of its own.
        """
        sites = tuple(self.site(one) for one in (layer if isinstance(layer, tuple) else (layer,)))
        found = tuple(
            site if site.side.startswith(":") else replace(site, call=None, op="", n=None, field="", side=":weight")
            for site in sites
        )
        for site in found:
            if not (site.role or site.is_glob or self.named(site)):
                _refuse_tied(self, site.path, site.side[1:])
                every = [name.removesuffix(".weight") for name in self.parameters if name.endswith(".weight")]
                held = [path for path in every if path.startswith(site.path)] or nearest_names(site.path, every)
                raise LayerNotFound(
                    Text(f"'{site.path or layer}' has no weight of its own", f"'{site.path or layer}' 没有自己的权重"),
                    nearest=quoted(held[:3]),
                )
        return found

    def named(self, site: Site, reader: Reader | None = None) -> list[tuple[str, Tensor]]:
        """The parameters that a site like `"conv1:weight"` or `"*:weight"` denotes, first used first.

        A role means the matrices of its places; without a reader, all that it could mean. A parametrized weight is the
        parameter behind it, the largest where there are several.
        """
        if not site.side.startswith(":"):
            return []
        if site.role:
            return _matrices(self.parameters, site.role, reader)
        held = ((name, value, *name.rpartition(".")[::2]) for name, value in self.parameters.items())
        found = [(name, value) for name, value, path, last in held if site.matches(Place(path, side=f":{last}"))]
        behind = f"{site.path}.parametrizations{site.side.replace(':', '.')}.original".lstrip(".")
        originals = [pair for pair in self.parameters.items() if pair[0].startswith(behind) and pair[1].ndim > 1]
        return found or sorted(originals, key=lambda pair: -pair[1].numel())[:1]

    def remember(self, signature: Any, reader: Reader) -> None:
        """Keep the trace of a signature; of many signatures, as of texts of every length, the latest."""
        self.traces[signature] = reader
        if len(self.traces) > MOST_TRACES:
            del self.traces[next(iter(self.traces))]

    def neighbours(self, name: str) -> str:
        """The nearest addresses, with shapes where a trace is known."""
        trace = next(iter(self.traces.values())).trace if self.traces else None
        if trace is not None:
            shown = {trace.address(event.place): event for event in trace.events if event.path or event.op}
            return ", ".join(trace.describe(shown[one].place, shown[one]) for one in nearest_names(name, shown))
        return ", ".join(f"'{one}'" for one in nearest_names(name, [path for path in self.modules if path]))

    @contextmanager
    def looking(self, seed: int) -> Generator["Session"]:
        """The model as it is for one look: watched, in `eval` behaviour, and as before afterwards."""
        intercept = Intercept(self.modules)
        with pristine(self.model) as snapshot, intercept.installed():
            yield Session(self, intercept, snapshot, seed)


def unwrapped(model: nn.Module) -> nn.Module:
    """The module inside compiled and data-parallel wrappers."""
    while True:
        if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            model = model.module
        elif hasattr(model, "_orig_mod"):
            model = model._orig_mod  # type: ignore[assignment]
        else:
            return model


def can_run(looker: Looker, x: Inputs) -> bool:
    """Whether model and input have values."""
    return not looker.hollow and not any(one.is_meta for one in x.tensors.values())


def refuse_no_values(looker: Looker, x: Inputs, why: Text | None = None) -> None:
    """Refuse a model, or an input, that has shapes alone.

    Raises:
        NotApplicable: says so.
    """
    if not can_run(looker, x):
        model, given = (
            Text("this model has no values", "模型没有数值"),
            Text("this input has no values", "输入没有数值"),
        )
        what = model if looker.hollow else given
        raise NotApplicable(
            Text(
                f"{what.en}: it lies on the meta device" + (f", and {why.en}" if why else ""),
                f"{what.zh}：位于 meta 设备" + (f"，而且{why.zh}" if why else ""),
            ),
            hint=NEEDS_SHAPES,
        )


def _matrices(parameters: Mapping[str, Tensor], role: str, reader: Reader | None) -> list[tuple[str, Tensor]]:
    matrices = [pair for pair in parameters.items() if pair[1].ndim > 1]
    if reader is None:
        return matrices
    every = role if role.startswith("every") else role.replace("first", "every")
    order = {path: i for i, path in enumerate(dict.fromkeys(place.path for place in reader.places(every)))}
    used = sorted((pair for pair in matrices if owner(pair[0]) in order), key=lambda pair: order[owner(pair[0])])
    return used[:1] if role.startswith("first") else used


def _refuse_tied(looker: Looker, path: str, last: str) -> None:
    """A parameter that two modules share has one name, PyTorch's first."""
    tied = getattr(looker.modules.get(path), last, None)
    for name, value in looker.parameters.items():
        if value is tied:
            where = f"{owner(name)}:{name.rpartition('.')[2]}"
            raise LayerNotFound(
                Text(
                    f"'{path}:{last}' is one parameter with '{where}' (tied)",
                    f"'{path}:{last}' 与 '{where}' 是同一个参数（共享）",
                ),
                nearest=f"'{where}'",
            )


def owner(name: str) -> str:
    """The module that a parameter belongs to; for a parametrized weight the module that it is a weight of."""
    return (
        name.partition("parametrizations.")[0].rstrip(".") if "parametrizations." in name else name.rpartition(".")[0]
    )


class Session:
    """Forwards and backwards of one look."""

    def __init__(self, looker: Looker, intercept: Intercept, snapshot: Snapshot, seed: int) -> None:
        self.looker, self.intercept, self.snapshot, self.seed = looker, intercept, snapshot, seed
        self.forwards = self.backwards = self.samples = self.kept_bytes = 0

    def forward(self, x: Inputs, recording: Recording, *, state: Mapping[str, Tensor] | None = None) -> Any:
        """Run the model once.

        Returns:
            Whatever it returned; None if the forward stopped early on purpose.
        Raises:
            ModelFailed: the model raised; out-of-memory errors pass as they are.
        """
        refuse_no_values(self.looker, x)
        self.snapshot.rewind()
        seed_everything(self.seed)
        self.forwards += 1
        self.samples += x.size
        recording.attending.parameters = {**self.looker.parameters, **(state or {})}
        entered = enter(x, recording)
        if recording.graph is not None:
            recording.graph.know({**(state or {}), **self.looker.held})
        call = (
            (lambda: functional_call(self.looker.model, dict(state), entered.args, entered.kwargs))
            if state
            else (lambda: self.looker.model(*entered.args, **entered.kwargs))
        )
        output: Any = None
        try:
            with torch.set_grad_enabled(recording.grad_mode), self.intercept.watching(recording):
                output = call()
                output = self.intercept.whole(self.looker.model, output) if self.looker.scripted else output
        except Stop:
            return None
        except Exception as error:
            if out_of_memory(error):
                raise
            raise self.failed(error, recording) from error
        finally:
            recording.stack.clear()
            if recording.graph is not None:
                recording.graph.close(output, len(recording.trace.events))
        self.snapshot.check_parameters()
        recording.trace.complete = True
        return output

    def failed(self, error: Exception, recording: Recording) -> Exception:
        """What is told of an exception of the model's."""
        if isinstance(error, PellucidError):
            return error
        trace = recording.trace
        if trace.links is not None:
            trace.links.fail(error, len(trace.events))
        running = recording.stack[-1] if recording.stack else None
        trace.failed = trace.address(Place(running.path, running.call)) if running else "the model"
        last = trace.events[-1] if trace.events else None
        said = trace.describe(last.place, last) if last else ""
        after = Text(f", after {said}", f"（在 {said} 之后）") if last else Text("")
        where = trace.failed if trace.failed not in ("", "output") else type(self.looker.model).__name__
        return ModelFailed(
            Text(
                f"the model raised {type(error).__name__} in '{where}'{after}: {error}",
                f"模型在 '{where}' 处引发 {type(error).__name__}{after.zh}：{error}",
            ),
            trace=trace,
            hint=Text(
                "check the input's shape and type; the operations up to there are in .trace",
                "请检查输入的形状与类型；出错之前的运算保存在 .trace 中",
            ),
        )

    def backward(
        self,
        recording: Recording,
        outputs: list[Any],
        edges: list[Any],
        rule: Rule | None,
        retain: bool,
        starts: list[Tensor] | None = None,
    ) -> list[Tensor | None]:
        """Gradients of `outputs` at `edges`, under a rule; None where there is no dependence."""
        self.backwards += 1
        nodes = recording.nodes.found if recording.nodes is not None else ()
        crossings = recording.following.settled() if recording.following is not None else ()
        with in_force(rule, nodes, crossings):
            return list(torch.autograd.grad(outputs, edges, starts, retain_graph=retain, allow_unused=True))

    def explained(self, output: Any) -> Tensor:
        """The explained tensor of an output."""
        return explained(output, self.looker.select)[0]


def enter(x: Inputs, recording: Recording) -> Inputs:
    """Clone the input, make the explained part of it a leaf, and note where its gradient arrives."""
    names = set(x.explained) if not x.is_discrete else set()

    def change(name: str, value: Tensor) -> Tensor:
        value = value.detach().clone()
        if name in names:
            value = recording.edit_input(name, value)
        entry = recording.entries.get(name)
        if entry is not None and x.is_discrete:
            entry.ids, entry.override = value, x.embedded.get(name)
            recording.entering = True
        elif entry is not None:
            entry.value = value.detach()
            if recording.grad_mode and name in names:
                leaf = value.requires_grad_()
                entry.edge = get_gradient_edge(leaf)
                with torch.enable_grad():
                    value = leaf.clone()
            else:
                value = value.clone()
        recording.attending.enter(value, name)
        if recording.graph is not None:
            recording.graph.enter(value, name)
        return value

    return x.mapped(change)


def entries_of(x: Inputs) -> dict[str, Entry]:
    """An entry for each explained input."""
    return {name: Entry(name) for name in x.explained}
