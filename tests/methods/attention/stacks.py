"""Networks whose attention is written by hand, so that what composes of it is known."""

import torch
from torch import Tensor, nn


class Given(nn.Module):
    """`(batch, token, width)` to `(batch, 2)`: each layer adds what the given probabilities weigh; one token is read.

    Args:
        layers: probabilities `(layer, head, query, key)`.
        read: the token whose first two numbers are the answer; None: the mean of all.
    """

    def __init__(self, layers: Tensor, read: int | None = 0) -> None:
        super().__init__()
        self.read = read
        self.scores = nn.Buffer(layers.log())

    def forward(self, x: Tensor) -> Tensor:
        for scores in self.scores.unbind():
            x = x + (scores.softmax(-1).expand(len(x), -1, -1, -1) @ x[:, None]).mean(1)
        return (x.mean(1) if self.read is None else x[:, self.read])[:, :2]


def random_layers(layers: int, heads: int, tokens: int, *, causal: bool = False, seed: int = 0) -> Tensor:
    """Probabilities `(layer, head, query, key)` in double precision."""
    scores = torch.randn(
        layers, heads, tokens, tokens, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )
    later = torch.ones(tokens, tokens, dtype=torch.bool).triu(1)
    return (scores.masked_fill(later, float("-inf")) if causal else scores).softmax(-1)


def inputs(tokens: int, width: int = 3, batch: int = 2) -> Tensor:
    """`(batch, token, width)` in double precision."""
    return torch.randn(batch, tokens, width, dtype=torch.float64, generator=torch.Generator().manual_seed(5))


class Induction(nn.Module):
    """Tokens in, scores of the next token out: after `… a b … a` it says `b`.

    The first head looks at the token before and writes down what it is; the second looks for the place where that is
    the token at hand, and copies what stands there.
    """

    def __init__(self, vocabulary: int, tokens: int) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(vocabulary, vocabulary), nn.Embedding(tokens, tokens)
        with torch.no_grad():
            self.words.weight.copy_(torch.eye(vocabulary))
            self.places.weight.copy_(torch.eye(tokens))

    def forward(self, tokens: Tensor) -> Tensor:
        place = self.places.weight[: tokens.shape[1]].expand(len(tokens), -1, -1)
        stream = torch.cat([self.words(tokens), place], 2)
        word, place = stream.split([self.words.num_embeddings, self.places.num_embeddings], 2)
        before = attend(place.roll(-1, 2), place, word)
        return attend(word, before, word)


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """One head that sees what is not later, sharp."""
    later = torch.ones(query.shape[1], key.shape[1], dtype=torch.bool).triu(1)
    scores = (9 * query @ key.transpose(1, 2)).masked_fill(later, float("-inf"))
    return (scores[:, None].softmax(-1) @ value[:, None])[:, 0]


class Strange(nn.Module):
    """`(batch, 8, 4)` through one attention of its own, then another that does not compose with it.

    Args:
        kind: "cross", "windowed", "channel", "mixed", or "shorter": half of the tokens.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.qkv, self.mix, self.memory = kind, nn.Linear(4, 12), nn.Linear(2, 2), nn.Linear(4, 4)

    def heads(self, x: Tensor) -> tuple[Tensor, ...]:
        """Queries, keys and values `(batch, head, token, 2)`."""
        return self.qkv(x).unflatten(2, (3, 2, 2)).permute(2, 0, 3, 1, 4).unbind()

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        query, key, value = self.heads(x)
        x = x + ((query @ key.transpose(2, 3)).softmax(-1) @ value).transpose(1, 2).flatten(2)
        query, key, value = self.heads(x)
        match self.kind:
            case "cross":
                _, key, value = self.heads(self.memory(y))
            case "windowed":
                query, key, value = (part.unflatten(2, (2, 4)).transpose(1, 2) for part in (query, key, value))
            case "channel":
                query, key, value = (part.transpose(2, 3) for part in (query, key, value))
            case "shorter":
                query, key, value = (part[:, :, :4] for part in (query, key, value))
            case _:
                pass
        weights = (query @ key.transpose(-2, -1)).softmax(-1)
        if self.kind == "mixed":
            weights = self.mix(weights.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return (weights @ value).flatten(2).mean((1,))[:, :3]
