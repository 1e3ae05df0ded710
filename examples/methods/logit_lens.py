"""After which layer a small language model knows who was given something: the logit lens."""

import argparse

import torch
from torch import Tensor, nn

import pellucid as pl

NAMES = ("Alice", "Bob", "Carol", "Dan", "Eve", "Finn")
WORDS = (*NAMES, "and", "met", "gave", "to")


class Speaker(nn.Module):
    """A small transformer that says who was given something: "A and B met, A gave to" goes on with B."""

    def __init__(self, width: int = 32, depth: int = 3) -> None:
        super().__init__()
        self.embed, self.place = nn.Embedding(len(WORDS), width), nn.Parameter(torch.randn(7, width) * 0.1)
        block = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, depth, nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, len(WORDS))

    def forward(self, tokens: Tensor) -> Tensor:
        """Scores of the next word, `(batch, word)`."""
        return self.head(self.blocks(self.embed(tokens) + self.place)[:, -1])


def sentences(count: int) -> tuple[Tensor, Tensor]:
    """Random sentences and who was given something."""
    pairs = torch.rand(count, len(NAMES)).argsort(1)[:, :2]
    giver = torch.randint(2, (count,))
    first, second, again = pairs[:, 0], pairs[:, 1], pairs[torch.arange(count), giver]
    said = [first, 6, second, 7, again, 8, 9]
    columns = [one if isinstance(one, Tensor) else torch.full((count,), one) for one in said]
    return torch.stack(columns, 1), pairs[torch.arange(count), 1 - giver]


def learned() -> Speaker:
    """The speaker after some seconds of training."""
    torch.manual_seed(0)
    model = Speaker()
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    for _ in range(400):
        x, answer = sentences(64)
        loss = nn.functional.cross_entropy(model(x), answer)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", default="examples/out/logit_lens.png")
asked = parser.parse_args()

x = torch.tensor([[WORDS.index(one) for one in ["Alice", "and", "Bob", "met", "Alice", "gave", "to"]]])
lens = pl.Lens(learned(), labels=WORDS)
result, along = lens.see(x, pl.logit_lens(), target=pl.contrast("Bob", "Alice"))[0]
result.save(asked.out)
print(result.describe())
print(along.describe())
