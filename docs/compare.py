"""Two models side by side: `python -m docs.compare` makes what docs/pages/compare.md shows and quotes.

The demo's EfficientNet-Lite0, a copy of which one block was trained further on wrong answers, and the same weights in
timm's code, where every layer has another name.
"""

import argparse
import copy

import torch
from torch import nn

import pellucid as pl
from docs.units import LANGUAGES, draw
from pellucid.zoo.demo import PHOTOS

BLOCK, STEPS, RATE = "_blocks.9.", 3, 0.02
WRONG = (1, 2, 3, 4)


def main() -> None:
    """Compare, print what is said, and draw the pictures of the page."""
    asked = argparse.ArgumentParser(prog="python -m docs.compare", description=__doc__)
    asked.add_argument("--dry", action="store_true", help="draw nothing")
    given = asked.parse_args()
    torch.set_num_threads(1)
    lens = pl.open("demo")
    data = f"folder:{PHOTOS}"
    found = pl.compare(lens, tuned(lens), data=data, names=["lite0", "tuned"], findings=False)
    other = pl.compare(lens, elsewhere(lens), data=data, names=["lite0", "timm"], findings=False)
    print(*(one.describe(lang) for one in (found, other) for lang in LANGUAGES), sep="\n\n")
    if not given.dry:
        draw(found["weights"], "compare_weights")
        draw(found["depth"], "compare_depth")


def tuned(lens: pl.Lens) -> pl.Lens:
    """A copy of which one block was trained further."""
    model = copy.deepcopy(lens.model)
    moving = [one for name, one in model.named_parameters() if name.startswith(BLOCK)]
    for one in model.parameters():
        one.requires_grad_(False)
    for one in moving:
        one.requires_grad_(True)
    files = sorted(PHOTOS.glob("*.jpg"))[: len(WRONG)]
    x, optimizer = torch.cat([lens.read(file).tensors["input"] for file in files]), torch.optim.SGD(moving, lr=RATE)
    for _ in range(STEPS):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), torch.tensor(WRONG)).backward()
        optimizer.step()
    return pl.Lens(model.eval(), name="tuned", preprocess=lens.preprocess, labels=lens.labels)


def elsewhere(lens: pl.Lens) -> pl.Lens:
    """The same weights in timm's code."""
    import timm

    model = timm.create_model("tf_efficientnet_lite0").eval()
    model.load_state_dict(dict(zip(model.state_dict(), lens.model.state_dict().values(), strict=True)))
    return pl.Lens(model, name="timm", preprocess=lens.preprocess, labels=lens.labels)


if __name__ == "__main__":
    main()
