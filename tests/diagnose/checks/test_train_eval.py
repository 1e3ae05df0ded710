"""The check train_eval."""

import torch
from torch import nn

import pellucid as pl
from tests.diagnose.planted import batch, host


def test_the_edit_is_what_train_mode_does():
    model = host("residual")
    x = batch(24)[0]
    norms = [one for one in model.modules() if isinstance(one, nn.BatchNorm2d)]
    with torch.no_grad():
        norms[2].running_mean += 5
    found = pl.Lens(model).diagnose(x)
    (one,) = [one for one in found if one.check == "train_eval"]
    with torch.no_grad():
        evaluated = model(x).argmax(1)
        trained = model.train()(x).argmax(1)
    rows = {int(row["example"]): (int(row["evaluation"]), int(row["training"])) for row in one.evidence.rows}
    pairs = list(zip(evaluated.tolist(), trained.tolist(), strict=True))
    assert rows == {i: pair for i, pair in enumerate(pairs) if pair[0] != pair[1]} != {}
