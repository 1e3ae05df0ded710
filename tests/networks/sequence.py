"""Networks that read tokens, series, volumes, rows, or several inputs."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class AttentionClassifier(nn.Module):
    """`nn.MultiheadAttention` between two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.project, self.attention = nn.Linear(5, 8), nn.MultiheadAttention(8, 2, batch_first=True)
        self.fc = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.project(x))
        x = x + self.attention(x, x, x)[0]
        return self.fc(x.mean(1))


class TwoAttentions(AttentionClassifier):
    """Two attentions, one behind the other."""

    def __init__(self) -> None:
        super().__init__()
        self.second = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.project(x))
        x = x + self.attention(x, x, x)[0]
        x = x + self.second(x, x, x)[0]
        return self.fc(x.mean(1))


class EncoderClassifier(nn.Module):
    """`nn.TransformerEncoderLayer`, which has a fused fast path."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
        self.fc = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.encoder(x).mean(1))


class CausalLanguageModel(nn.Module):
    """Tokens in, scores `batch token vocabulary` out, fused attention with a causal mask."""

    def __init__(self, vocabulary: int = 11, width: int = 8, heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.embed, self.position = nn.Embedding(vocabulary, width), nn.Parameter(torch.randn(16, width) * 0.1)
        self.norm, self.qkv, self.out = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 16), nn.ReLU(), nn.Linear(16, width))
        self.head = nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens) + self.position[: tokens.shape[1]]
        split = self.qkv(self.norm(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(split[0], split[1], split[2], is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return self.head(x + self.mlp(x))


class TiedLanguageModel(nn.Module):
    """The head reads the embedding's own weight, and one linear module has two names."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.first = nn.Embedding(9, 6), nn.Linear(6, 6)
        self.again = self.first
        self.head = nn.Linear(6, 9, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.again(F.relu(self.first(self.embed(tokens)))))


class MaskedTokens(nn.Module):
    """Called with keywords: tokens and a mask of what is not padding."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.fc = nn.Linear(8, 3)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        x = self.layer(self.embed(tokens), src_key_padding_mask=~mask)
        kept = mask.unsqueeze(-1).to(x.dtype)
        return self.fc((x * kept).sum(1) / kept.sum(1))


class Recurrent(nn.Module):
    """LSTM over a sequence, the last step is read."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTM(5, 7, batch_first=True), nn.Linear(7, 4)

    def forward(self, x: Tensor) -> Tensor:
        steps, _ = self.lstm(x)
        return self.fc(steps[:, -1])


class TwoInputs(nn.Module):
    """A picture and a row of features."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.table = nn.Conv2d(3, 6, 3), nn.Linear(4, 6)
        self.fc = nn.Linear(12, 5)

    def forward(self, image: Tensor, row: Tensor) -> Tensor:
        seen = F.relu(self.conv(image)).mean((2, 3))
        return self.fc(torch.cat([seen, F.relu(self.table(row))], 1))


def rows() -> nn.Module:
    """A perceptron on feature rows."""
    return nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3))


def regression() -> nn.Module:
    """One number per row."""
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))


def series() -> nn.Module:
    """Convolutions along time."""
    return nn.Sequential(
        nn.Conv1d(2, 6, 5),
        nn.ReLU(),
        nn.Conv1d(6, 6, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(6, 4),
    )


def volume() -> nn.Module:
    """Convolutions in three dimensions."""
    return nn.Sequential(
        nn.Conv3d(1, 4, 3),
        nn.ReLU(),
        nn.Conv3d(4, 6, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool3d(1),
        nn.Flatten(),
        nn.Linear(6, 4),
    )


class Backbone(nn.Module):
    """Small convolutional features under several kinds of output."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 3)
        self.fc, self.side = nn.Linear(6, 5), nn.Linear(6, 2)

    def parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The main and the auxiliary scores."""
        h = F.relu(self.conv2(F.relu(self.conv1(x)))).mean((2, 3))
        return self.fc(h), self.side(h)


class DictOutput(Backbone):
    """Returns a dict; the scores are not its first entry."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        logits, aux = self.parts(x)
        return {"aux": aux, "logits": logits}


@dataclass
class Answer:
    """What `DataclassOutput` returns."""

    logits: Tensor
    hidden: Tensor


class DataclassOutput(Backbone):
    """Returns a dataclass."""

    def forward(self, x: Tensor) -> Answer:
        logits, aux = self.parts(x)
        return Answer(logits, aux)


class TupleOutput(Backbone):
    """Returns integers first, then scores."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        logits, _ = self.parts(x)
        return logits.argmax(1), logits
