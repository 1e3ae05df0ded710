"""Language models written by hand, whose residual stream is known, and what is read off it, written out."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.networks.network import seeded

WORDS, WIDTH, DEPTH = 13, 12, 3


class Attention(nn.Module):
    """Causal attention of two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, 2, -1)).permute(2, 0, 3, 1, 4)
        return self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))


class Scaled(nn.Module):
    """RMSNorm written out, with a gain that is stored as its distance from one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width) * 0.3)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * (1 + self.weight)


class Block(nn.Module):
    """A block whose norms stand before (or behind) what it adds."""

    def __init__(self, norm: type[nn.Module], kind: str) -> None:
        super().__init__()
        self.kind, self.norm1, self.norm2 = kind, norm(WIDTH), norm(WIDTH)
        self.attention, self.mlp = Attention(), nn.Sequential(nn.Linear(WIDTH, 24), nn.GELU(), nn.Linear(24, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "post":
            x = self.norm1(x + self.attention(x))
            return self.norm2(x + self.mlp(x))
        if self.kind == "parallel":
            return self.attention(self.norm1(x)) + self.mlp(self.norm2(x)) + x
        if self.kind == "bent":
            return torch.relu(x + self.mlp(self.norm2(x)))
        x = x + self.attention(self.norm1(x))
        x += self.mlp(self.norm2(x))
        return x


class Speaker(nn.Module):
    """A language model.

    Args:
        norm: of the blocks and behind them.
        kind: "pre", "post", "parallel" or "bent" blocks; "pooled", "inline", "past", "shares" or "bare" readouts.
        tied: whether the classifier reads with the embedding.
        cap: of the scores.
    """

    def __init__(
        self, norm: type[nn.Module] = nn.LayerNorm, kind: str = "pre", *, tied: bool = False, cap: float | None = None
    ) -> None:
        super().__init__()
        self.kind, self.cap = kind, cap
        self.embed, self.place = nn.Embedding(WORDS, WIDTH), nn.Parameter(torch.randn(20, WIDTH) * 0.2)
        self.blocks = nn.ModuleList(Block(norm, kind) for _ in range(DEPTH))
        self.norm, self.head = norm(WIDTH), nn.Linear(WIDTH, WORDS, bias=not tied)
        for one in self.modules():
            if isinstance(one, nn.LayerNorm):
                nn.init.normal_(one.weight, 1, 0.3)
                nn.init.normal_(one.bias, 0, 0.3)
        if tied:
            self.head.weight = self.embed.weight

    def forward(self, tokens: Tensor) -> Tensor:
        start = self.embed(tokens) + self.place[: tokens.shape[1]]
        x = start.clone()
        for block in self.blocks:
            x = block(x)
        if self.kind == "bare":
            return x
        x = x.mean(1) if self.kind == "pooled" else x
        x = F.layer_norm(x, (WIDTH,)) if self.kind == "inline" else self.norm(x)
        scores = self.head(x + 0.1 * start if self.kind == "past" else x)
        if self.kind == "shares":
            return scores.softmax(-1)
        return scores if self.cap is None else self.cap * torch.tanh(scores / self.cap)


def speaker(*made: object, **how: object) -> Speaker:
    """The same network at every call, in double precision."""
    network = seeded(lambda: Speaker(*made, **how))()  # type: ignore[arg-type]
    return network.double()  # type: ignore[return-value]


def tokens(examples: int = 1, count: int = 6) -> Tensor:
    """The same sentences at every call."""
    return torch.randint(WORDS, (3, count), generator=torch.Generator().manual_seed(3))[:examples]


def streams(model: Speaker, sentences: Tensor) -> list[Tensor]:
    """The stream before the first block and after each."""
    found = [model.embed(sentences) + model.place[: sentences.shape[1]]]
    for block in model.blocks:
        found.append(block(found[-1].clone()))
    return [one.detach() for one in found]


def read(model: Speaker, stream: Tensor) -> Tensor:
    """What the model's readout makes of a stream."""
    scores = model.head(model.norm(stream)).detach()
    return scores if model.cap is None else model.cap * torch.tanh(scores / model.cap)
