from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.core.text import say
from pellucid.methods.feature._regions import picture_of
from pellucid.results import Gallery
from tests.methods.feature.test_activation_maximization import drawn, seeded

X = torch.sigmoid(drawn(14, 3, 12, 12, seed=5))
LABELS = [i % 3 for i in range(14)]
X[0] = torch.linspace(0, 1, 12)  # the first gives the range


def net() -> nn.Sequential:
    return seeded(
        nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 4)
    )


def data(**more: Any) -> Any:
    return pl.data(X, labels=LABELS, layout="N...", **more)


def beside(model: nn.Module | None = None, **settings: Any) -> Gallery:
    view = pl.activation_maximization(**{"n_steps": 40, "k": 3, **settings})
    found = pl.Lens(model or net()).sweep(data(), view)[0]
    assert isinstance(found, tuple), getattr(found, "reason", "")
    assert isinstance(found[0], Gallery)
    return found[0]


def blocks(found: Gallery) -> list[tuple[str, list[str]]]:
    made: list[tuple[str, list[str]]] = []
    for group, caption in zip(found.groups, found.captions, strict=True):
        name = say(group).partition(" · ")[0]
        if not made or made[-1][0] != name:
            made.append((name, []))
        made[-1][1].append(say(caption))
    return made


@pytest.mark.parametrize(
    ("objective", "score"),
    [
        ("channel", lambda a: a.mean((2, 3))[:, [3, 1]]),
        ("neuron", lambda a: a[:, [3, 1], 4, 4]),
        ("norm", lambda a: a.square().mean((1, 2, 3))[:, None]),
        (torch.eye(5)[[3, 1]].numpy(), lambda a: (a[:, [3, 1]] / a.norm(dim=1, keepdim=True)).mean((2, 3))),
    ],
)
def test_the_best_of_real_samples_is_that_of_brute_force(objective: Any, score: Any) -> None:
    model = net()
    found = beside(model, layer="2", channels=(3, 1), objective=objective)
    values = score(model[:3](X).detach())
    assert found.facts["best of data"] == pytest.approx(tuple(values.amax(0).tolist()), rel=1e-5)
    final = score(model[:3](found.tensor()).detach())
    assert found.facts["objective"] == pytest.approx(tuple(final.diagonal().tolist()), rel=1e-4)
    more = sum(a > b for a, b in zip(found.facts["objective"], found.facts["best of data"], strict=True))
    rows = len(found.values)
    assert any(
        note.en.startswith(f"{more} of {rows} reach a higher objective than the best real sample")
        for note in found.notes
    )
    compared = f"best real {values[:, 0].max():.3g}, noise {found.facts['best of noise'][0]:.3g}"
    assert found.facts["samples"] == 14 and str(found.groups[0]).endswith(f" · {compared}")
    alone = beside(model, layer="2", channels=(3, 1), objective=objective, k=0)
    assert str(alone.captions[0]).endswith(f" ({compared})")
    assert "best of 14 real samples" in " ".join(note.en for note in found.notes)


def test_regions_are_those_of_top_regions_and_share_its_run() -> None:
    lens = pl.Lens(net())
    regions = pl.top_regions(layer="2", channels=2, k=3)
    views = lens.sweep(data(), pl.activation_maximization(layer="2", channels=2, k=3, n_steps=2, n_images=2), regions)
    (made, _), (shown, _) = views[0], views[1]
    assert made.values.shape[0] == 4 and len(made.images) == 4 + len(shown.images)
    (name, first), (_, second) = blocks(made)
    alone = blocks(shown)
    assert (name, first[2:]) == alone[0] and second[2:] == alone[1][1]
    assert first[0].startswith("objective") and first[1].startswith("objective") and len(first) == 2 + 4
    assert np.array_equal(made.images[2], shown.images[0])
    alone_cost = lens.sweep(data(), regions).cost.samples
    climbing = 1 + 4 * (2 + 1 + 8)  # the example; steps, final inputs and noise of four rows
    assert views.cost.samples < alone_cost + climbing + 14, "no second run through the data"


def test_no_regions_and_channels_that_are_dead_on_the_data() -> None:
    model = net()
    model[0].weight.data[2], model[0].bias.data[2] = 0.0, -1.0
    found = beside(model, layer="1", channels=(2, 0), k=2)
    (dead, first), (_, second) = blocks(found)
    assert dead == "channel 2" and len(first) == 1 and len(second) > 2 and found.facts["best of data"][0] == 0
    assert len(beside(layer="2", channels=2, k=0).images) == 2
    assert [name for name, _ in blocks(beside(layer="2", channels=(4, 2), k=0))] == ["channel 4", "channel 2"]
    for one in (0, 1, 3, 4, 5):
        model[0].weight.data[one], model[0].bias.data[one] = 0.0, -1.0
    failed = pl.Lens(model).sweep(data(), pl.activation_maximization(layer="1", channels=2, n_steps=2))[0]
    assert "anything but zero" in str(failed.reason)


def test_directions_stand_beside_their_best_samples() -> None:
    model = net()
    found = beside(model, layer="2", objective=torch.eye(5)[[3, 1]], k=2)
    assert [name for name, _ in blocks(found)] == ["direction 0", "direction 1"]
    a = model[:3](X).detach()
    best = int((a[:, 3] / a.norm(dim=1)).mean((1, 2)).argmax())
    assert np.array_equal(found.images[1], picture_of(pl.Lens(model).read(X[best : best + 1])))
    assert blocks(found)[0][1][1].endswith(f"class {LABELS[best]}") and len(found.images) == 2 + 4


def test_classes_are_those_of_the_labels_the_most_frequent_first() -> None:
    model, lens = net(), pl.Lens(net(), labels=["a", "b", "c", "d"])
    found = lens.sweep(data(), pl.activation_maximization(n_steps=2, k=2))[0][0]
    assert [name for name, _ in blocks(found)] == ["a", "b", "c"], "5, 5 and 4 samples; none of d"
    assert found.facts["best of data"] == pytest.approx(tuple(model(X).amax(0)[:3].tolist()), rel=1e-5)
    assert [info.index for info in found.targets] == [(0,), (1,), (2,)]
    chosen = lens.sweep(data(), pl.activation_maximization(n_steps=2, k=0, channels=(3, 0)))[0][0]
    assert [name for name, _ in blocks(chosen)] == ["d", "a"] and chosen.values.shape[0] == 2
    assert found.code == "lens.sweep(data, pl.activation_maximization(n_steps=2, k=2))"


def test_labels_that_are_numbered_otherwise_are_not_taken_for_classes() -> None:
    """Two classes of the data, four outputs: what the network answers counts."""
    answers = net()(X).argmax(1).bincount(minlength=4)
    two = pl.data(X, labels=[i % 2 for i in range(14)], classes=["x", "y"], layout="N...")
    found = pl.Lens(net()).sweep(two, pl.activation_maximization(n_steps=1, k=0))[0][0]
    assert [info.index[0] for info in found.targets] == [
        int(i) for i in answers.argsort(descending=True, stable=True) if answers[i]
    ]


def test_what_a_run_through_the_data_cannot_say() -> None:
    found = beside(layer="2", objective=lambda a: a[:, 1].amax((1, 2)))
    assert "best of data" not in found.facts and any("is a function of the layer" in one.en for one in found.notes)
    assert "real" not in str(found.captions[0]) and "noise" in str(found.captions[0])

    class Grids(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean(1, keepdim=True).expand(-1, 4, -1, -1)

    failed = pl.Lens(Grids()).sweep(data(), pl.activation_maximization(n_steps=1))[0]
    assert "read off an output (sample, class)" in str(failed.reason)


def test_another_size_is_said() -> None:
    found = beside(layer="2", channels=2, size=16, n_steps=2)
    assert any("in their own size" in note.en for note in found.notes) and found.values.shape[-1] == 16
