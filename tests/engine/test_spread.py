"""What meets variants on its way: networks that read the batch size early, and operations that want equal batches."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.engine.varying import X, by_hand, looked
from tests.networks import seeded


class ReadsTheBatchEarly(nn.Module):
    """Every way to break what is shared; each must be noticed."""

    def __init__(self, way):
        super().__init__()
        self.way, self.conv, self.fc = way, nn.Conv2d(3, 4, 3), nn.Linear(4, 3)
        self.token = nn.Parameter(torch.ones(1, 4))

    def forward(self, x):
        batch = x.shape[0]
        before = F.avg_pool2d(x, 3, 1).mean(1, keepdim=True)
        x = self.conv(x)
        match self.way:
            case "views":
                return self.fc(x.view(batch, 4, -1).mean(2))
            case "reshapes":
                return self.fc(torch.reshape(x, (batch * 4, x.shape[2], x.shape[3])).mean((1, 2)).reshape(batch, 4))
            case "mixes":
                x = x.unflatten(0, (batch, -1))
                return self.fc((x - x.mean(1, keepdim=True)).flatten(0, 1).mean((2, 3)))
            case "writes":
                before.add_(x)
                return self.fc(before.expand(-1, 4, -1, -1).mean((2, 3)))
            case "forgets":
                kept = before.clone().expand(-1, 4, -1, -1).contiguous()
                total = kept
                total += x
                return self.fc((kept + x).mean((2, 3)))
            case "divides":
                return self.fc(x.mean((2, 3)) / batch)
            case "cats":
                return self.fc(torch.cat([before.expand(-1, 2, -1, -1), x[:, :2]], 1).mean((2, 3)))
            case "stacks":
                return self.fc(torch.stack([before.expand(-1, 4, -1, -1), x], 1).mean((1, 3, 4)))
            case "adds in place":
                total = before.expand(-1, 4, -1, -1).contiguous()
                total += x
                return self.fc(total.mean((2, 3)))
            case "bmm":
                return self.fc(
                    torch.bmm(before.flatten(1, 2), x.flatten(2).transpose(1, 2)[:, : before.shape[3]]).mean(1)
                )
            case "tokens":
                cells = torch.cat([self.token.expand(batch, 1, -1), x.flatten(2).transpose(1, 2)], 1)
                return self.fc(
                    F.scaled_dot_product_attention(before.flatten(2).expand(-1, -1, 36)[..., :4], cells, cells)[:, 0]
                )
            case _:
                raise ValueError(self.way)


WAYS = {
    "views": True,
    "reshapes": True,
    "mixes": False,
    "writes": False,
    "forgets": False,
    "divides": False,
    "cats": True,
    "stacks": True,
    "adds in place": True,
    "bmm": True,
    "tokens": True,
}


@pytest.mark.parametrize(("way", "shared"), WAYS.items())
def test_a_network_that_shares_nothing_is_noticed_and_run_whole(way, shared):
    model = seeded(lambda: ReadsTheBatchEarly(way))()
    if way == "writes":
        model.conv = nn.Conv2d(3, 1, 3)
    seen, cost, looker = looked(model, X, "conv", times=3)
    assert list(looker.sharing.values()) == [shared]
    expected = by_hand(copy.deepcopy(model), X, "conv")
    for one in seen:
        torch.testing.assert_close(one.output, expected, rtol=1e-5, atol=1e-6)
    assert cost.forwards == 5 + (way in ("mixes", "forgets", "divides"))
