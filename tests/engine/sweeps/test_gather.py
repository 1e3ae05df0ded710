import gc
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pellucid.core.errors import BadInput, Cancelled, MethodFault, ModelFailed, NotApplicable
from pellucid.engine.looker import Looker
from pellucid.engine.sweeps.reducers import Extremes, Moments, Reducer, Sample, Samples, Top
from pellucid.engine.sweeps.request import Sweep, Swept
from pellucid.engine.sweeps.run import Course, answers_to
from pellucid.inputs.inputs import Inputs
from pellucid.ops.ranking import ordinal_of
from tests.contract.state import changed, of_everything
from tests.engine.sweeps.feeding import Fed, sweep

ROWS = torch.randn(29, 6, generator=torch.Generator().manual_seed(1))
TOP = Top("first", 4)


class Net(nn.Module):
    """Two layers with something between them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Linear(6, 5), nn.Linear(5, 3)
        self.register_buffer("seen", torch.zeros(()))
        self.sizes: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(x)
        self.seen += len(x)
        self.sizes.append(len(x))
        return self.last(self.between(x, hidden))

    def between(self, x: Tensor, hidden: Tensor) -> Tensor:
        return hidden


class Refusing(Net):
    """Raises where the first number of a sample is large."""

    def between(self, x: Tensor, hidden: Tensor) -> Tensor:
        if bool((x[:, 0] > 50).any()):
            raise ValueError(f"too large at <object at 0x{id(x):x}>")
        return hidden


class Small(Net):
    """Has memory for three samples."""

    def between(self, x: Tensor, hidden: Tensor) -> Tensor:
        if len(x) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return hidden


def rows_with(large: Sequence[int]) -> Tensor:
    rows = ROWS.clone()
    rows[list(large), 0] = 100
    return rows


def asked() -> list[Sweep]:
    return [Sweep([TOP, Moments("last"), Sample("last", 7), Extremes("first")])]


def same(a: Swept, b: Swept) -> bool:
    return all(
        torch.equal(x.state[name], y.state[name])
        for reducer in a.gathered
        for x, y in zip(a.at(reducer), b.at(reducer), strict=True)
        for name in x.state
    )


@pytest.mark.parametrize("large", [[7], [0, 1], [0, 7, 28], [8, 9, 10, 11], [4, 5, 6, 7, 28]])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_samples_on_which_the_model_raises_are_left_out_and_no_others(large: list[int], batch_size: int) -> None:
    (swept,) = sweep(Refusing(), Fed(rows_with(large)), asked(), batch_size=batch_size)
    assert swept.read == 29 - len(large)
    assert [at for at, _ in swept.left_out] == large
    assert all("raised ValueError" in why and "0x…" in why and "\n" not in why for _, why in swept.left_out)
    were = "was" if len(large) == 1 else "were"
    assert f"{len(large)} of 29 samples {were} left out: row {large[0]}" in swept.notes[0].en
    fine = [i for i in range(29) if i not in large]
    values = Refusing().first(rows_with(large))[fine]
    expected = torch.tensor(fine)[values.topk(4, 0).indices].T
    assert torch.equal(ordinal_of(swept.at(TOP)[0].state["keys"]), expected)
    assert swept.at(Extremes("first"))[0].state["count"].tolist() == [len(fine)] * 5


def test_a_model_that_raises_on_everything_is_an_error() -> None:
    with pytest.raises(ModelFailed, match="raised ValueError"):
        sweep(Refusing(), Fed(rows_with(range(29))), asked())
    with pytest.raises(ModelFailed, match="raised ValueError"):
        sweep(Refusing(), Fed(rows_with(range(3))[:3]), asked())


def test_a_model_that_raises_on_many_is_an_error_before_it_has_tried_them_all() -> None:
    model = Refusing()
    with pytest.raises(ModelFailed):
        sweep(model, Fed(rows_with(range(20))), asked())
    assert len(model.sizes) == 8


def test_a_batch_that_does_not_fit_is_halved_and_that_is_said() -> None:
    model = Small()
    (swept,) = sweep(model, Fed(ROWS), asked(), batch_size=8)
    assert swept.read == 29 and not swept.left_out
    assert [one.en for one in swept.notes] == ["4 batches did not fit into memory and went through in pieces."]
    assert swept.notes[0].aside
    (whole,) = sweep(Net(), Fed(ROWS), [Sweep([TOP])])
    assert torch.equal(ordinal_of(swept.at(TOP)[0].state["keys"]), ordinal_of(whole.at(TOP)[0].state["keys"]))


def test_a_sample_that_does_not_fit_alone_is_what_the_network_cannot_give() -> None:
    class Full(Net):
        def between(self, x: Tensor, hidden: Tensor) -> Tensor:
            if bool((x[:, 0] > 50).any()):
                raise torch.OutOfMemoryError("CUDA out of memory")
            return hidden

    with pytest.raises(NotApplicable, match="memory ran out on a single sample"):
        sweep(Full(), Fed(rows_with([9])), asked())


def test_a_device_that_fails_ends_the_sweep_and_no_sample_is_blamed() -> None:
    class Broken(Net):
        def between(self, x: Tensor, hidden: Tensor) -> Tensor:
            if bool((x[:, 0] > 50).any()):
                raise torch.AcceleratorError("CUDA error: device-side assert triggered")  # type: ignore[call-arg]
            return hidden

    with pytest.raises(ModelFailed, match="AcceleratorError"):
        sweep(Broken(), Fed(rows_with([9])), asked())


class Branching(Net):
    """Goes another way for samples that begin with a large number."""

    def __init__(self) -> None:
        super().__init__()
        self.other = nn.Linear(5, 5)

    def between(self, x: Tensor, hidden: Tensor) -> Tensor:
        return self.other(hidden) if bool((x[:, 0] < 50).all()) else hidden


def test_a_place_that_some_samples_do_not_reach_is_counted_and_said() -> None:
    (swept,) = sweep(Branching(), Fed(rows_with([9, 18])), [Sweep([Extremes("other"), Extremes("first")])])
    (other,), (first,) = swept.at(Extremes("other")), swept.at(Extremes("first"))
    assert swept.read == 29
    assert first.state["count"].tolist() == [29] * 5
    assert other.state["count"].tolist() == [21] * 5
    assert [one.en for one in swept.notes] == [
        "8 of 29 samples have no value at 'other': the model goes another way for them."
    ]


def test_a_place_that_no_sample_reaches_is_an_error() -> None:
    class Odd(Branching):
        def between(self, x: Tensor, hidden: Tensor) -> Tensor:
            return self.other(hidden) if len(x) == 1 else hidden

    with pytest.raises(NotApplicable, match="no sample has a value at 'other': the model goes other ways"):
        sweep(Odd(), Fed(ROWS[:28]), [Sweep([Extremes("other")])])


def test_a_place_that_comes_later_on_another_way_is_not_missed() -> None:
    class Swapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(6, 6), nn.Linear(6, 6)

        def forward(self, x: Tensor) -> Tensor:
            return self.b(self.a(x)) if bool((x[:, 0] < 50).all()) else self.a(self.b(x))

    model = Swapped()
    (swept,) = sweep(model, Fed(rows_with([9])), [Sweep([Extremes("a"), Extremes("b")])])
    assert swept.at(Extremes("a"))[0].state["count"].tolist() == [29] * 6
    assert swept.at(Extremes("b"))[0].state["count"].tolist() == [29] * 6 and not swept.notes


def test_a_place_without_channels_fails_its_own_sweep_only() -> None:
    class Flat(Net):
        def between(self, x: Tensor, hidden: Tensor) -> Tensor:
            self.flat(hidden)
            return hidden

        def __init__(self) -> None:
            super().__init__()
            self.flat = nn.Flatten(0)

    with Looker(Flat()).looking(0) as session:
        given = list(
            answers_to(session, [Sweep([Extremes("flat")]), Sweep([TOP])], Course(Fed(ROWS), {}, 4, 8), lambda _: None)
        )
    assert isinstance(given[0], NotApplicable) and "'flat'" in str(given[0])
    assert isinstance(given[1], Swept) and given[1].read == 29


def test_another_number_of_channels_later_on_is_refused_by_name() -> None:
    class Widening(Net):
        def between(self, x: Tensor, hidden: Tensor) -> Tensor:
            self.wide(torch.cat([hidden, hidden], 1) if bool((x[:, 0] > 50).any()) else hidden)
            return hidden

        def __init__(self) -> None:
            super().__init__()
            self.wide = nn.ReLU()

    with pytest.raises(NotApplicable, match="'wide' has 10 channels here and 5 in the first sample"):
        sweep(Widening(), Fed(rows_with([9])), [Sweep([Extremes("wide")])])


def test_a_reducer_that_raises_is_not_blamed_on_the_samples() -> None:
    class Wrong(Extremes):
        def update(self, state: Any, cells: Tensor, samples: Samples) -> Any:
            raise RuntimeError("no")

    with pytest.raises(MethodFault, match="raised RuntimeError: no"):
        sweep(Net(), Fed(ROWS), [Sweep([Wrong("first")])])


class Words(Fed):
    """Texts: rows of numbers of a token; the length of each lies in `lengths`, padded on one side or the other."""

    def __init__(self, lengths: Sequence[int], side: str, *, pad: int) -> None:
        super().__init__(torch.zeros(len(lengths), 1))
        self.lengths, self.side, self.pad = lengths, side, pad

    def inputs(self, ordinals: list[int]) -> Inputs:
        most = max(self.lengths[i] for i in ordinals)
        ids, mask = torch.full((len(ordinals), most), self.pad), torch.zeros(len(ordinals), most, dtype=torch.int64)
        for row, i in enumerate(ordinals):
            size = self.lengths[i]
            where = slice(0, size) if self.side == "right" else slice(most - size, most)
            ids[row, where] = torch.arange(size) + sum(self.lengths[:i])
            mask[row, where] = 1
        return Inputs((), {"input_ids": ids, "attention_mask": mask})


class Reading(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.mixed = nn.Embedding(64, 5), nn.Linear(5, 4)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return (self.mixed(self.table(input_ids)) * attention_mask[:, :, None]).sum(1)


@pytest.mark.parametrize("side", ["right", "left"])
def test_padding_is_left_out(side: str) -> None:
    lengths = [3, 7, 1, 5, 5, 5, 2, 0, 9]
    found = []
    for pad in (60, 61):
        reducers: list[Reducer] = [Top("mixed", 3), Extremes("mixed"), Sample("mixed", 6), Moments("table")]
        (swept,) = sweep(Reading(), Words(lengths, side, pad=pad), [Sweep(reducers)], batch_size=3, shard=6)
        assert swept.read == 9
        found.append(swept)
        (extremes,) = swept.at(Extremes("mixed"))
        assert extremes.state["count"].tolist() == [sum(lengths)] * 4
        assert {one.en for one in swept.notes} == {
            f"1 of 9 samples have no value at '{at}': the model goes another way for them." for at in ("mixed", "table")
        }
        (top,) = swept.at(Top("mixed", 3))
        model = Reading()
        values = [
            model.mixed(model.table(torch.arange(size) + sum(lengths[:i]))) for i, size in enumerate(lengths) if size
        ]
        peaks = torch.stack([one.amax(0) for one in values])
        places = torch.stack([one.argmax(0) for one in values])
        order = peaks.argsort(dim=0, descending=True, stable=True)[:3]
        ordinals = torch.tensor([i for i, size in enumerate(lengths) if size])
        assert torch.equal(ordinal_of(top.state["keys"]), ordinals[order].T)
        assert torch.equal(top.state["positions"], places.gather(0, order).T)
    assert same(*found)


class Sized(Fed):
    """Pictures of two sizes; a batch holds one size."""

    def batches(self, span: range, size: int) -> Any:
        for i in span:
            yield from super().batches(range(i, i + 1), 1)

    def inputs(self, ordinals: list[int]) -> Inputs:
        side = 6 if ordinals[0] % 2 else 8
        generator = torch.Generator().manual_seed(ordinals[0])
        return Inputs((torch.randn(1, 3, side, side, generator=generator),))


def test_samples_of_different_shapes_are_counted_alike() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    fed = Sized(torch.zeros(10, 1))
    (swept,) = sweep(model, fed, [Sweep([Extremes("0"), Top("0", 3), Moments("0")])])
    assert swept.read == 10
    assert swept.at(Extremes("0"))[0].state["count"].tolist() == [5 * 36 + 5 * 16] * 5
    peaks = torch.stack([model[0](fed.inputs([i]).args[0]).flatten(2)[0].amax(1) for i in range(10)])
    assert torch.equal(ordinal_of(swept.at(Top("0", 3))[0].state["keys"]), peaks.topk(3, 0).indices.T)


@pytest.mark.parametrize("error", [Cancelled("enough"), KeyboardInterrupt(), RuntimeError("watch")])
@pytest.mark.parametrize("at", [0, 4, 13, 29])
def test_the_model_is_as_it_was_whatever_stops_a_sweep(error: BaseException, at: int, tmp_path: Any) -> None:
    model = Net().train()
    before = of_everything(model, ROWS)

    def stop(done: tuple[int, int]) -> None:
        if done[0] >= at:
            raise error

    with pytest.raises(type(error)):
        sweep(model, Fed(ROWS), asked(), folder=tmp_path / "run", watch=stop)
    assert [one for one in changed(before, of_everything(model, ROWS)) if one != "attributes "] == []


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit, torch.OutOfMemoryError, BadInput])
def test_the_model_is_as_it_was_whatever_it_raises(kind: type[BaseException]) -> None:
    class Raising(Net):
        def between(self, x: Tensor, hidden: Tensor) -> Tensor:
            if len(self.sizes) > 3:
                raise kind("no")
            return hidden

    model = Raising().train()
    before = of_everything(model, ROWS)
    if kind is ValueError:
        (swept,) = sweep(model, Fed(ROWS), asked())
        assert swept.read == 8 and len(swept.left_out) == 21
    else:
        with pytest.raises(NotApplicable if kind is torch.OutOfMemoryError else kind):
            sweep(model, Fed(ROWS), asked())
    assert changed(before, of_everything(model, ROWS)) == []


def test_memory_does_not_grow_with_the_number_of_samples() -> None:
    def alive(samples: int) -> int:
        class Endless(Fed):
            def __len__(self) -> int:
                return samples

            def inputs(self, ordinals: list[int]) -> Inputs:
                return Inputs((ROWS[[i % 29 for i in ordinals]],))

        most = 0

        def watch(done: tuple[int, int]) -> None:
            nonlocal most
            if done[0] % (samples // 2) == 0 and done[0]:
                gc.collect()
                most = max(most, len(gc.get_objects()))

        sweep(Net(), Endless(ROWS), asked(), batch_size=50, shard=50, watch=watch)
        return most

    alive(400)
    few = alive(400)
    assert alive(4000) < few + 500
