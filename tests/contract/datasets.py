"""Data sets of every kind with a network that reads them, and one sweep over one of them, remembered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid import registry
from pellucid.results.failure import Failure
from tests.contract import state
from tests.contract.looks import Looked
from tests.inputs.test_text import Words
from tests.networks import NETWORKS
from tests.networks.network import seeded

METHODS = tuple(name for name in registry.names() if "data" in registry.find(name).given)
COUNT, CLASSES = 12, ("one", "two", "three")
LABELS = [i % 3 for i in range(COUNT)]
VOCABULARY = ["[PAD]", *(chr(ord("a") + i) for i in range(10))]


@dataclass(frozen=True)
class Case:
    """A data set and a network.

    Args:
        data: makes the data set; the same one at every call.
        build: makes the network; the same bits at every call.
        layer: a place that any method over data can look at.
        settings: of the lens.
    """

    data: Callable[[], Any]
    build: Callable[[], nn.Module]
    layer: str
    settings: Mapping[str, Any] = field(default_factory=dict)


class Reads(nn.Module):
    """Letters in, three scores out; what is padded does not count."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.body, self.head = nn.Embedding(11, 8), nn.Linear(8, 6), nn.Linear(6, 3)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        found = torch.relu(self.body(self.embed(input_ids))) * attention_mask[..., None]
        return self.head(found.sum(1) / attention_mask.sum(1, keepdim=True))


def normal(*shape: int) -> Tensor:
    """Independent normal numbers, the same ones each time."""
    return torch.randn(COUNT, *shape, generator=torch.Generator().manual_seed(5))


def rows(*shape: int) -> Callable[[], Any]:
    """Labelled rows of one array."""
    return lambda: pl.data(normal(*shape), labels=LABELS, classes=list(CLASSES), layout="N...")


def items() -> Any:
    """A list of dicts, of which one cannot be read; labels are known only when an item is."""
    tokens = torch.randint(11, (COUNT, 6), generator=torch.Generator().manual_seed(5))
    mask = torch.ones(6, dtype=torch.bool)
    made: list[Any] = [{"tokens": one, "mask": mask, "label": i % 3} for i, one in enumerate(tokens)]
    made[4] = ("too", "many", "parts")
    return made


def texts() -> Any:
    """Texts of different length."""
    letters = torch.randint(1, 11, (COUNT, 7), generator=torch.Generator().manual_seed(5)).tolist()
    return [(" ".join(VOCABULARY[one] for one in row[: 3 + i % 5]), i % 3) for i, row in enumerate(letters)]


def _zoo(name: str, data: Callable[[], Any], layer: str) -> Case:
    return Case(data, NETWORKS[name].build, layer)


CASES: Mapping[str, Case] = {
    "pictures": _zoo("residual", rows(3, 14, 14), "last spatial"),
    "series": _zoo("series", rows(2, 20), "last spatial"),
    "rows": _zoo("rows", rows(6), "first weight"),
    "texts": Case(texts, seeded(Reads), "body", {"tokenizer": Words(VOCABULARY)}),
    "dicts": _zoo("masked_tokens", items, "first weight"),
    "a class token": _zoo("tiny_vit", rows(3, 16, 16), "last spatial"),
    "writes into its input": _zoo("writes_into_input", rows(3, 14, 14), "last spatial"),
    "counts its calls": _zoo("counts_calls", rows(3, 14, 14), "last spatial"),
    "half in training": _zoo("half_training", rows(3, 14, 14), "last spatial"),
    "scripted": _zoo("scripted", rows(3, 14, 14), "last spatial"),
}
REFUSES: Mapping[str, str] = {"scripted": "(?i)script"}
REFUSES_OF: Mapping[tuple[str, str], str] = dict.fromkeys(
    ((method, case) for method in ("activation_maximization", "correlation") for case in ("texts", "dicts")), "words"
)


def refusal_of(method: str, case: str) -> str:
    """What a refusal says; "" where there should be none."""
    return REFUSES_OF.get((method, case), REFUSES.get(case, ""))


def view_of(method: str, case: str) -> Any:
    """The method with its cheap settings, at a layer that this network has."""
    spec = registry.find(method)
    layer = {"layer": CASES[case].layer} if "layer" in spec.settings else {}
    return spec(**{**spec.quick, **layer})


def lens_of(case: str) -> pl.Lens:
    """A lens on a fresh model."""
    return pl.Lens(CASES[case].build(), **CASES[case].settings)


def results_of(answer: Any) -> tuple[Any, ...]:
    """One or several."""
    return answer if isinstance(answer, tuple) else (answer,)


@cache
def sweep(method: str, case: str) -> Looked:
    """The method alone on the data set, and what it left behind."""
    lens, data = lens_of(case), CASES[case].data()
    before = state.of_everything(lens.model, ())
    answer = lens.sweep(data, view_of(method, case), batch_size=5)[0]
    changed = tuple(state.changed(before, state.of_everything(lens.model, ())))
    if isinstance(answer, Failure):
        return Looked((), str(answer.reason), changed)
    return Looked(results_of(answer), "", changed)
