"""Which factor of a product only scales the other: written-out activations and normalisations, and what is neither."""

import pytest
import torch
from torch.nn import functional as F

from pellucid.engine.attention.factors import Factors, Scale

W = torch.randn(4, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)


def asked(make):
    """The answer for the last product of `make(u, v)`, given as the pair of its factors; parameters do not count."""
    u, v = (torch.rand(2, 3, 4, generator=torch.Generator().manual_seed(i)).requires_grad_() for i in (1, 2))
    u, v = u + 0.0, v * 1.0
    known = {}

    def descends(node):
        if node not in known:
            known[node] = node in (u.grad_fn, v.grad_fn) or any(
                descends(one) for one, _ in node.next_functions if one is not None
            )
        return known[node]

    kind, one, two = make(u, v)
    edges = tuple(torch.autograd.graph.get_gradient_edge(part) for part in (one, two))
    factors = Factors(descends)
    return factors.scale(kind, edges) if kind != "weights" else factors.weights(edges)


def centred(u):
    return u - u.mean(-1, keepdim=True)


NORMALISED = {
    "rms": lambda u, v: ("mul", u, torch.rsqrt(u.pow(2).mean(-1, keepdim=True) + 1e-6)),
    "rms of the square": lambda u, v: ("mul", u, 1 / torch.sqrt((u * u).mean(-1, keepdim=True) + 1e-6)),
    "weights first": lambda u, v: ("mul", W[0] * u, torch.rsqrt(u.pow(2).mean(-1, keepdim=True) + 1e-6)),
    "cast": lambda u, v: ("mul", u.double(), torch.rsqrt(u.float().pow(2).mean(-1, keepdim=True)).double()),
    "root": lambda u, v: ("div", u, (u.pow(2).sum(-1, keepdim=True) + 1e-6).sqrt()),
    "power": lambda u, v: ("div", u, (u**2).sum(-1, keepdim=True) ** 0.5),
    "norm": lambda u, v: ("div", u, u.norm(dim=-1, keepdim=True).clamp(min=1e-6)),
    "vector norm": lambda u, v: ("div", u, torch.linalg.vector_norm(u, dim=-1, keepdim=True).expand_as(u)),
    "standard deviation": lambda u, v: ("div", W[0] * centred(u), u.std(-1, keepdim=True) + 1e-6),
    "variance": lambda u, v: ("mul", centred(u), torch.rsqrt(u.var(-1, keepdim=True) + 1e-6)),
    "twice centred": lambda u, v: ("div", centred(u), (centred(u).pow(2).mean(-1, keepdim=True) + 1e-6).sqrt()),
    "by hand": lambda u, v: ("mul", (d := centred(u)), torch.rsqrt((d * d).mean(-1, keepdim=True))),
    "variance and mean": lambda u, v: (
        "div",
        u - torch.var_mean(u, -1, keepdim=True)[1],
        (torch.var_mean(u, -1, keepdim=True)[0] + 1e-6).sqrt(),
    ),
    "inverse root weighted": lambda u, v: ("mul", u, W[0] * (u.pow(2).mean(-1, keepdim=True) + 1e-6) ** -0.5),
}
ACTIVATED = {
    "silu": lambda u, v: ("mul", u, torch.sigmoid(u)),
    "quick gelu": lambda u, v: ("mul", u, torch.sigmoid(1.702 * u)),
    "gelu by tanh": lambda u, v: ("mul", 0.5 * u, 1 + torch.tanh(0.79788456 * (u + 0.044715 * torch.pow(u, 3)))),
    "fast gelu": lambda u, v: ("mul", 0.5 * u, 1 + torch.tanh(u * 0.79788456 * (1 + 0.044715 * u * u))),
    "gelu": lambda u, v: ("mul", u, 0.5 * (1 + torch.erf(u / 2**0.5))),
    "divided": lambda u, v: ("div", u, 1 + torch.exp(-u)),
    "mish": lambda u, v: ("mul", u, torch.tanh(F.softplus(u))),
    "hard": lambda u, v: ("mul", u / 6, F.hardtanh(u + 3, 0, 6)),
    "soft sign": lambda u, v: ("div", u, 1 + u.abs()),
}
NEITHER = {
    "gate": lambda u, v: ("mul", F.silu(u), v),
    "gate of one linear": lambda u, v: ("mul", F.silu(F.linear(u, W)), F.linear(u, W)),
    "halves": lambda u, v: ("mul", (parts := u.chunk(2, -1))[0], torch.sigmoid(parts[1])),
    "squeeze and excite": lambda u, v: ("mul", u, torch.sigmoid(u.mean(-1, keepdim=True))),
    "outer": lambda u, v: ("mul", u[..., None], torch.sigmoid(u[..., None, :])),
    "share": lambda u, v: ("div", u, u.sum(-1, keepdim=True)),
    "mean": lambda u, v: ("div", u, u.mean(-1, keepdim=True)),
    "attention": lambda u, v: ("mul", u.softmax(-1), v),
}
UNCLEAR = {
    "norm of another": lambda u, v: ("mul", u, torch.rsqrt(v.pow(2).mean(-1, keepdim=True) + 1e-6)),
    "multiplied by its norm": lambda u, v: ("mul", u, u.norm(dim=-1, keepdim=True)),
    "divided by its square": lambda u, v: ("div", u, u.pow(2).mean(-1, keepdim=True).sqrt() * u.norm(dim=-1).mean()),
    "part of it": lambda u, v: ("mul", u[..., :2], torch.rsqrt(u.pow(2).mean(-1, keepdim=True))),
}


@pytest.mark.parametrize("make", [*NORMALISED.values(), *ACTIVATED.values()], ids=[*NORMALISED, *ACTIVATED])
def test_a_scale_is_found(make):
    assert asked(make) == Scale(1)


@pytest.mark.parametrize("make", [*NORMALISED.values(), *ACTIVATED.values()], ids=[*NORMALISED, *ACTIVATED])
def test_on_either_side(make):
    def swapped(u, v):
        kind, one, two = make(u, v)
        return ("mul", two, one) if kind == "mul" else ("mul", 1 / two, one)

    assert asked(swapped) == Scale(0)


@pytest.mark.parametrize("make", NEITHER.values(), ids=NEITHER)
def test_gates_and_shares_are_no_scales(make):
    assert asked(make) == Scale(None)


@pytest.mark.parametrize("make", UNCLEAR.values(), ids=UNCLEAR)
def test_roots_of_something_else_are_unclear(make):
    found = asked(make)
    assert found.which is None and (found.unclear or make is UNCLEAR["divided by its square"])


def test_grn_is_a_gate_made_of_norms():
    def make(u, v):
        size = u.norm(dim=1, keepdim=True)
        return "mul", u, size / (size.mean(-1, keepdim=True) + 1e-6)

    assert asked(make).which is None


@pytest.mark.parametrize(
    ("make", "which"),
    [
        (lambda u, v: ("weights", F.dropout(u.softmax(-1).float(), 0.5), v), 0),
        (lambda u, v: ("weights", v, torch.softmax(u, 1).transpose(1, 2)), 1),
        (lambda u, v: ("weights", F.linear(u.softmax(-1), W), v), 0),
        (lambda u, v: ("weights", u.softmax(-1).masked_fill(u > 0.5, 0.0), v), 0),
        (lambda u, v: ("weights", u, v), None),
        (lambda u, v: ("weights", u.softmax(-1), v.softmax(-1)), None),
        (lambda u, v: ("weights", u.softmax(-1) * v, v), None),
        (lambda u, v: ("weights", u.softmax(-1).log(), v), None),
    ],
)
def test_what_a_softmax_made(make, which):
    assert asked(make) == which
