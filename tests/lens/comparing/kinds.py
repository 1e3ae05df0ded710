"""Small networks whose outputs are of every kind: scores of tokens and of places, embeddings, numbers, detections."""

import torch
from torch import Tensor, nn

import pellucid as pl

WORDS = 11  # of the vocabulary


class Letters:
    """One token per letter, from `b` on; `a` fills shorter texts up."""

    def __len__(self) -> int:
        return WORDS

    def convert_ids_to_tokens(self, numbers: list[int]) -> list[str]:
        return [chr(ord("a") + number) for number in numbers]

    def __call__(self, texts: list[str], return_tensors: str, padding: bool = False) -> dict[str, Tensor]:
        longest = max(map(len, texts))
        rows = [[ord(letter) - ord("a") for letter in text.ljust(longest, "a")] for text in texts]
        mask = [[1] * len(text) + [0] * (longest - len(text)) for text in texts]
        return {"input_ids": torch.tensor(rows), "attention_mask": torch.tensor(mask)}


class Writer(nn.Module):
    """Scores of the token that follows, `(batch, token, word)`; `ahead` lets it look at later ones."""

    def __init__(self, seed: int = 0, *, words: int = WORDS, ahead: bool = False) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.words, self.mix, self.head = nn.Embedding(words, 8), nn.Linear(8, 8), nn.Linear(8, words)
        self.ahead = ahead

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        read = self.words(input_ids)
        return self.head(self.mix(read.cumsum(1) + (read.mean(1, keepdim=True) if self.ahead else 0)).relu())


class Embedder(nn.Module):
    """A vector for each token and one for the text, as `{"hidden": ..., "pooled": ...}`; or the latter alone."""

    def __init__(self, seed: int = 0, *, pooled: bool = False) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.words, self.out, self.pooled = nn.Embedding(WORDS, 6), nn.Linear(6, 6), pooled

    def forward(self, input_ids: Tensor) -> Tensor | dict[str, Tensor]:
        hidden = self.out(self.words(input_ids))
        return hidden.mean(1) if self.pooled else {"hidden": hidden, "pooled": hidden.mean(1)}


class Painter(nn.Module):
    """Scores of classes for each pixel, as `{"out": ...}`; for every `stride`-th alone."""

    def __init__(self, seed: int = 0, *, stride: int = 1) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.a, self.b = nn.Conv2d(3, 6, 3, padding=1, stride=stride), nn.Conv2d(6, 5, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"out": self.b(self.a(x).relu())}


class Finder(nn.Module):
    """A list of detections, one dict for each picture, each of one box."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.a, self.b = nn.Conv2d(3, 6, 3, padding=1), nn.Linear(6, 5)

    def forward(self, x: Tensor) -> list[dict[str, Tensor]]:
        found = self.b(self.a(x).relu().mean((2, 3)))
        one = torch.ones(1, dtype=torch.long)
        return [{"boxes": row[None, :4], "scores": row[4:].sigmoid(), "labels": one} for row in found]


def ruler(seed: int = 0, numbers: int = 1) -> nn.Module:
    """Numbers of a row of four."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, numbers))


def texts(count: int = 6) -> Tensor:
    return torch.randint(0, WORDS, (count, 7), generator=torch.Generator().manual_seed(3))


def pictures(count: int = 6) -> Tensor:
    return torch.randn(count, 3, 10, 10, generator=torch.Generator().manual_seed(3))


def measured(count: int = 6) -> Tensor:
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(3))


def lenses(one: nn.Module, two: nn.Module) -> tuple[pl.Lens, pl.Lens]:
    return pl.Lens(one.eval(), name="a"), pl.Lens(two.eval(), name="b")
