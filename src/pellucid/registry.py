"""Methods and views: a method is a function in a file of its own, a view is that method with its settings.

A method's parameters named `x`, `target`, `lens`, `data` and `run` are given by the engine; every other one is a
setting. A method that takes `data` looks at a data set, one that takes `run` at a watched training, not at an input;
one whose `data` or `run` has a default may do either. One whose `x` has a default does without an input, or, where it
may look at a run, looks at that instead.
"""

import inspect
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from hashlib import sha256
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Concatenate, ParamSpec, Protocol, Union, cast, get_args, get_origin, get_type_hints, overload

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.core.errors import BadSetting, UnknownMethod, nearest_names, quoted
from pellucid.core.late import late
from pellucid.core.provenance import Words
from pellucid.core.settings import fits, worded
from pellucid.core.text import Text
from pellucid.engine.looker import Looker
from pellucid.engine.monitor.history import History
from pellucid.engine.passes import Layer, Look
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.results.result import Result

P = ParamSpec("P")
GIVEN = ("x", "target", "lens", "data", "run")
FOLDERS = ("activation", "decision", "feature", "attention", "gradient", "structure", "judge")


@dataclass(frozen=True, eq=False)
class MethodSpec:
    """Everything that is known of a method; all else (CLI, report, docs, contract tests) is derived from it.

    Args:
        name: public name, that of its file.
        family: folder it lies in, "outside" for methods of other packages.
        function: the generator.
        words: what it says of itself.
        needs: which networks and inputs it takes.
        quick: cheap settings, for tests.
        tour: place in the tour; None if it is not part of it.
    """

    name: str
    family: str
    function: Callable[..., Any]
    words: Words
    needs: Text
    quick: Mapping[str, Any] = field(default_factory=dict)
    tour: int | None = None

    @property
    def given(self) -> tuple[str, ...]:
        """Which of `x`, `target`, `lens`, `data`, `run` the method takes."""
        return tuple(name for name in inspect.signature(self.function).parameters if name in GIVEN)

    @property
    def required(self) -> tuple[str, ...]:
        """Which of these it cannot do without."""
        known = inspect.signature(self.function).parameters
        return tuple(name for name in self.given if known[name].default is inspect.Parameter.empty)

    @property
    def needs_input(self) -> bool:
        """Whether it cannot look at a model without an input."""
        return "x" in self.required or {"x", "run"} <= set(self.given)

    @property
    def settings(self) -> dict[str, inspect.Parameter]:
        """The settings with annotation and default."""
        hints = get_type_hints(self.function, include_extras=True)
        return {
            name: parameter.replace(annotation=hints.get(name, Any))
            for name, parameter in inspect.signature(self.function).parameters.items()
            if name not in GIVEN
        }

    @property
    def doc(self) -> str:
        """The docstring."""
        return inspect.getdoc(self.function) or ""

    def __call__(self, **settings: Any) -> "View":
        """A view with these settings."""
        return View(self, settings)


class View:
    """A method with its settings: immutable, equal and hashed by name and settings."""

    __slots__ = ("_key", "settings", "spec")

    spec: MethodSpec
    settings: Mapping[str, Any]

    def __init__(self, spec: MethodSpec, settings: Mapping[str, Any]) -> None:
        known = spec.settings
        for name in settings:
            if name not in known:
                raise BadSetting(
                    Text(f"{spec.name} has no setting '{name}'", f"{spec.name} 没有设置 '{name}'"),
                    nearest=quoted(nearest_names(name, known)) or "it has none",
                    hint=f"pellucid methods {spec.name}",
                )
        values = {
            name: _several(_frozen(settings.get(name, parameter.default)), parameter.annotation)
            for name, parameter in known.items()
        }
        for name, value in values.items():
            _check(spec.name, name, value, known[name].annotation)
        object.__setattr__(self, "spec", spec)
        object.__setattr__(self, "settings", MappingProxyType(values))
        object.__setattr__(self, "_key", (spec.name, tuple((name, _key(value)) for name, value in values.items())))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("a view does not change; make another one")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, View) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={_shown(value)}' for name, value in self.changed.items())})"

    @property
    def name(self) -> str:
        """Public name of the method."""
        return self.spec.name

    @property
    def changed(self) -> dict[str, Any]:
        """Settings that differ from their defaults."""
        known = self.spec.settings
        return {
            name: value for name, value in self.settings.items() if _key(value) != _key(_frozen(known[name].default))
        }

    @property
    def layers(self) -> list[tuple[str, Layer]]:
        """Settings that name layers, one entry per layer."""
        found: list[tuple[str, Layer]] = []
        for name, parameter in self.spec.settings.items():
            if set(get_args(Layer)) <= set(get_args(parameter.annotation)):
                value = self.settings[name]
                found += [(name, one) for one in (value if isinstance(value, tuple) else (value,)) if one is not None]
        return found

    def start(
        self,
        lens: Looker | None,
        x: Inputs | None,
        target: Target | None,
        data: Source | None = None,
        run: History | None = None,
    ) -> Generator[Any, Any, Any]:
        """The method's generator on an input, a data set or a watched training; only the last needs no `lens`."""
        given = {"x": x, "target": target, "lens": lens, "data": data, "run": run}
        work = partial(self.spec.function, **{name: given[name] for name in self.spec.given}, **self.settings)
        return work() if inspect.isgeneratorfunction(self.spec.function) else _at_once(work)

    def look(self, x: Inputs | None = None, target: Target | None = None) -> Look:
        """A request for this view's result, inside other methods: `result = yield from view.look(x, target)`."""
        return Look(self, x, target)

    def __call__(self, model: Any, x: Any = None, target: Any = None) -> Any:
        """Look at once: the result (or a tuple of results) of this view alone.

        Args:
            model: a module or a `Lens`; of a method over a watched training the `Run`.
            x: input, as for `Lens.see`; of a method over a data set the data, as for `Lens.sweep`; one that may do
                either takes for data what `pl.data` made and texts such as `"folder:DIR"`.
            target: as for `Lens.see`.
        Raises:
            NotApplicable: the network cannot give this picture.
        """
        return late("pellucid.lens:look")(self, model, x, target)


def _at_once(work: Callable[[], Any]) -> Generator[Any, Any, Any]:
    """A method that asks for no pass, as a generator."""
    return work()
    yield


class Register(Protocol):
    """Turns the generator into its public callable, which takes the settings alone."""

    @overload
    def __call__(self, function: Callable[Concatenate[Inputs, Target, Looker, P], Any], /) -> Callable[P, View]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[Inputs, Target, P], Any], /) -> Callable[P, View]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[Inputs, Looker, P], Any], /) -> Callable[P, View]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[Inputs, P], Any], /) -> Callable[P, View]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[Looker, P], Any], /) -> Callable[P, View]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[Source, P], Any], /) -> Callable[P, View]: ...
    @overload
    def __call__(self, function: Callable[Concatenate[History, P], Any], /) -> Callable[P, View]: ...
    @overload
    def __call__(
        self, function: Callable[Concatenate[Target, Looker, Inputs | None, Source | None, P], Any], /
    ) -> Callable[P, View]: ...
    @overload
    def __call__(
        self, function: Callable[Concatenate[Target, Looker, Inputs | None, History | None, P], Any], /
    ) -> Callable[P, View]: ...


def method(
    *,
    title: Text,
    question: Text,
    shows: Text,
    cannot: Text,
    check: Text,
    needs: Text,
    paper: str,
    formula: str = "",
    steps: Text = Text(""),
    quick: Mapping[str, Any] | None = None,
    tour: int | None = None,
) -> Register:
    """Make a visualization out of a generator: `@method(title=..., question=..., ...)`.

    Args:
        title, question: its name, and what it answers.
        shows, cannot, check: how to read it, what it cannot tell, how to check it.
        needs: which networks and inputs it takes.
        paper: source.
        formula: of the picture, in plain characters.
        steps: how it is made.
        quick: cheap settings, for the contract tests.
        tour: place in the tour.
    """

    def register(function: Callable[..., Any]) -> Callable[..., View]:
        parts = function.__module__.split(".")
        family = parts[2] if parts[:2] == ["pellucid", "methods"] and len(parts) > 2 else "outside"
        words = Words(title, question, shows, cannot, check, formula, steps, paper)
        spec = MethodSpec(function.__name__, family, function, words, needs, MappingProxyType(dict(quick or {})), tour)
        factory = partial(_make, spec)
        for name in ("__name__", "__qualname__", "__doc__", "__module__"):
            setattr(factory, name, getattr(function, name))
        factory.spec = spec  # type: ignore[attr-defined]
        factory.__signature__ = inspect.Signature(list(spec.settings.values()), return_annotation=View)  # type: ignore[attr-defined]
        return factory

    return cast("Register", register)


def _make(spec: MethodSpec, **settings: Any) -> View:
    return View(spec, settings)


@cache
def places() -> dict[str, str]:
    """Every method's name and the module that holds it; the folder is the list, entry points add to it."""
    root = Path(__file__).parent / "methods"
    found = {
        file.stem: f"pellucid.methods.{folder}.{file.stem}"
        for folder in FOLDERS
        for file in sorted((root / folder).glob("*.py"))
        if not file.stem.startswith("_")
    }
    for point in entry_points(group="pellucid.methods"):
        found.setdefault(point.name, point.value)
    return found


def names() -> tuple[str, ...]:
    """Names of all methods, by family."""
    return tuple(places())


def factory(name: str) -> Callable[..., View]:
    """The public callable of a method.

    Raises:
        UnknownMethod: there is none of that name.
    """
    where = places().get(name)
    if where is None:
        raise UnknownMethod(
            Text(f"no visualization is called '{name}'", f"没有名为 '{name}' 的可视化方法"),
            nearest=quoted(nearest_names(name, places())),
            hint=Text("pellucid methods lists all", "pellucid methods 列出全部方法"),
        )
    module, _, attribute = where.partition(":")
    return getattr(import_module(module), attribute or name)


def find(name: str) -> MethodSpec:
    """What is known of a method."""
    return factory(name).spec  # type: ignore[attr-defined]


def view(one: Any) -> View:
    """A view from itself or from a method's name.

    Raises:
        BadSetting: it is neither.
    """
    if isinstance(one, View):
        return one
    if isinstance(one, str):
        return factory(one)()
    if hasattr(one, "spec"):
        raise BadSetting(f"{one.spec.name} is a method, not a view", hint=f"call it: pl.{one.spec.name}()")
    raise BadSetting(f"a view or the name of a method is needed, not {type(one).__name__}")


def _several(value: Any, annotation: Any) -> Any:
    """One alone, where only several may stand, is a tuple of one."""
    kinds = (
        [one for one in get_args(annotation) if one is not NoneType]
        if get_origin(annotation) in (Union, UnionType)
        else [annotation]
    )
    if isinstance(value, tuple) or not all(get_origin(one) is tuple for one in kinds) or fits(value, annotation):
        return value
    return (value,) if fits((value,), annotation) else value


def _frozen(value: Any) -> Any:
    if type(value) in (list, tuple):
        return tuple(map(_frozen, value))
    if isinstance(value, dict):
        return tuple((key, _frozen(part)) for key, part in value.items())
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy())
    return value.detach().clone() if isinstance(value, Tensor) else value


def _key(value: Any) -> Any:
    if isinstance(value, Tensor):
        return (str(value.dtype), tuple(value.shape), sha256(_bytes(value)).digest())
    if isinstance(value, tuple):
        return tuple(map(_key, value))
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, (nn.Module, Callable)) and not isinstance(value, View):
        return id(value)
    return (type(value).__name__, value)


def _bytes(value: Tensor) -> bytes:
    flat = value.detach().cpu().contiguous().flatten()
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""


def _is_named_tensor(pair: Any) -> bool:
    """Whether it is an entry of a state dict, which a view holds as pairs."""
    return type(pair) is tuple and len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], Tensor)


def _shown(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"tensor{tuple(value.shape)}"
    if isinstance(value, nn.Module):
        return f"<{type(value).__name__}>"
    if isinstance(value, Result):
        return f"<{value.provenance.method if value.provenance else type(value).__name__}>"
    if type(value) is tuple and value and all(map(_is_named_tensor, value)):
        return f"{{{len(value)} tensors by name}}"
    if type(value) is tuple and any(isinstance(part, (Tensor, nn.Module)) for part in value):
        return f"({', '.join(map(_shown, value))})"
    if isinstance(value, View):
        return f"pl.{value!r}"
    return getattr(value, "__name__", None) or repr(value) if callable(value) else repr(value)


def _check(method_name: str, name: str, value: Any, annotation: Any) -> None:
    if annotation in (Any, inspect.Parameter.empty) or fits(value, annotation):
        return
    en, zh = f"{method_name}: {name}={_shown(value)} is not", f"{method_name}：{name}={_shown(value)} 有误，应为："
    raise BadSetting(
        Text(f"{en} {worded(annotation)}", f"{zh}{worded(annotation, 'zh')}"), hint=f"pellucid methods {method_name}"
    )
