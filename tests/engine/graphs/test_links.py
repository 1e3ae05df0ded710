"""Which call made what a call reads; memory, modules, outputs."""

import gc
import weakref
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.engine.graphs.detail import Detail
from pellucid.engine.graphs.links import Links
from pellucid.engine.passes import OUTPUT
from tests.engine.asking import see


def links_of(model: nn.Module, x: Any, detail: Detail | None = None) -> tuple[Any, list[str]]:
    """The links of a forward and the address of each event."""
    trace = see(model.eval(), x, keep=[OUTPUT], graph=detail or True).trace
    return trace.links, trace.addresses()


def made_by(links: Links, addresses: list[str]) -> dict[str, list[str]]:
    names = {-1 - i: name for i, (name, _) in enumerate(links.inputs)}
    return {
        addresses[index]: [names.get(maker) or addresses[maker] for maker, _ in reads]
        for index, reads in links.reads.items()
    }


class Versions(nn.Module):
    """Writes in place, through views, by index, with `out=`, and into a buffer of its own making."""

    def forward(self, x: Tensor) -> Tensor:
        y = x * 2
        row = y[0]
        y.add_(1)
        z = row.exp()
        table = torch.zeros(2, 3)
        table[1] = z
        torch.add(table, 1, out=table)
        return table.sum() + y.sum()


def test_a_tensor_that_was_written_comes_from_the_last_writer() -> None:
    found = made_by(*links_of(Versions(), torch.randn(2, 3)))
    assert found["/mul.0"] == ["input"] and found["/getitem.0"] == ["/mul.0"]
    assert found["/add.0"][0] == "/mul.0"
    assert found["/exp.0"] == ["/add.0"], "the row shows what was added"
    assert set(found["/setitem.0"]) == {"/zeros.0", "/exp.0"}
    assert set(found["/add.1"]) == {"/setitem.0"} and found["/sum.0"] == ["/add.1"] and found["/sum.1"] == ["/add.0"]


class Several(nn.Module):
    """Calls that give several tensors; a dict of a tuple as output; constants made inside."""

    def forward(self, x: Tensor) -> dict[str, Any]:
        one, two = x.chunk(2, 1)
        values, places = two.topk(1)
        return {"a": (one + torch.ones(3), values), "b": places}


def test_calls_that_give_several_tensors_and_nested_outputs() -> None:
    links, addresses = links_of(Several(), torch.randn(2, 6))
    found = made_by(links, addresses)
    assert found["/topk.0"] == ["/chunk.0"] and found["/add.0"] == ["/chunk.0", "/ones.0"] and found["/ones.0"] == []
    assert [addresses[maker] for maker, _ in links.outputs] == ["/add.0", "/topk.0", "/topk.0"]


def test_memory_is_that_of_new_tensors_only() -> None:
    links, addresses = links_of(Versions(), torch.randn(2, 3), Detail())
    memory = {addresses[index]: note.memory for index, note in links.notes.items()}
    assert memory["/mul.0"] == 24 and memory["/getitem.0"] == 0 and memory["/add.0"] == 0 and memory["/exp.0"] == 12
    assert memory["/zeros.0"] == 24 and memory["/setitem.0"] == 0 and memory["/add.1"] == 0
    links, addresses = links_of(Several(), torch.randn(2, 6), Detail())
    found = {addresses[index]: note for index, note in links.notes.items()}
    assert found["/chunk.0"].memory == 0 and found["/topk.0"].memory == 2 * 4 + 2 * 8
    assert found["/topk.0"].outputs == (((2, 1), "float32"), ((2, 1), "int64"))


def test_calls_of_modules_lie_in_one_another() -> None:
    inner = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    links, _ = links_of(nn.Sequential(inner, inner, nn.Identity()), torch.randn(2, 3))
    found = [(one.path, one.call, one.kind, one.parent) for one in links.modules]
    assert found == [
        ("", 0, "Sequential", None),
        ("0", 0, "Sequential", 0),
        ("0.0", 0, "Linear", 1),
        ("0.1", 0, "ReLU", 1),
        ("0", 1, "Sequential", 0),
        ("0.0", 1, "Linear", 4),
        ("0.1", 1, "ReLU", 4),
        ("2", 0, "Identity", 0),
    ]
    first, second = links.modules[1], links.modules[4]
    assert first.stop < second.start < second.stop <= links.modules[0].stop and links.modules[0].start == 0


def test_nothing_is_noted_unless_it_is_asked_for() -> None:
    model, x = nn.Linear(3, 3), torch.randn(2, 3)
    assert not links_of(model, x)[0].notes
    (note,) = links_of(model, x, Detail())[0].notes.values()
    assert note.value is None and note.seconds is None and note.flops == 36
    (note,) = links_of(model, x, Detail(values=True, seconds=True))[0].notes.values()
    assert note.value is not None and note.seconds is not None and note.seconds > 0


def test_no_tensor_is_kept_alive() -> None:
    links = Links()
    entered, made = torch.randn(3), torch.randn(3)
    links.enter(entered, "input")
    links.add(0, "mul", torch.mul, (entered, 2), {}, made)
    held = weakref.ref(made)
    del made
    gc.collect()
    assert held() is None


def test_a_number_that_is_used_again_is_no_maker() -> None:
    links = Links()
    for index in range(50):
        links.add(index, "randn", torch.randn, (3,), {}, torch.randn(3))
    fresh = [torch.randn(3) for _ in range(50)]
    links.add(99, "stack", torch.stack, (fresh,), {}, torch.stack(fresh))
    assert links.reads[99] == []


class Mapped(nn.Module):
    """A layer in a function that is mapped over rows, one that is mapped into columns, and a gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.func.vmap(lambda row: self.fc(row).tanh())(x)
        z = torch.func.vmap(torch.sin, out_dims=1)(y)
        return torch.func.grad(lambda given: given.pow(2).sum())(z).abs()


def test_what_is_mapped_or_differentiated_is_followed_through_its_wrappers() -> None:
    links, addresses = links_of(Mapped(), torch.randn(2, 3), Detail(values=True))
    found = made_by(links, addresses)
    assert found["fc/linear.0"] == ["input"] and found["/tanh.0"] == ["fc/linear.0"]
    assert found["/sin.0"] == ["/tanh.0"] and found["/pow.0"] == ["/sin.0"]
    assert found["/abs.0"] == ["/grad.0"] and set(found["/grad.0"]) == {"/sum.0", "/sin.0"}
    linear = links.notes[addresses.index("fc/linear.0")]
    assert linear.outputs[0][0] == (2, 3) and linear.flops == 2 * 2 * 3 * 3 and linear.value is not None
    assert see(Mapped().eval(), torch.randn(2, 3), keep=["fc"])["fc"].shape == (2, 3)
