import torch

from pellucid.engine.sweeps.request import Sweep
from pellucid.methods.activation._broken import NONE, Broken
from tests.engine.sweeps.feeding import Fed, sweep


def test_samples_that_are_not_finite_are_counted_and_the_first_is_told():
    rows = torch.zeros(20, 2, 5)
    rows[[7, 12], 1, 3], rows[9, 0, 0] = torch.nan, -torch.inf
    model = torch.nn.Identity()
    for size, shard in ((1, 3), (4, 8), (20, 20)):
        (swept,) = sweep(model, Fed(rows), [Sweep([Broken("")])], batch_size=size, shard=shard)
        state = swept.at(Broken(""))[0].state
        assert (int(state["samples"]), int(state["first"])) == (3, 7)
    (swept,) = sweep(model, Fed(rows[:5]), [Sweep([Broken("")])])
    assert (int(swept.at(Broken(""))[0].state["samples"]), int(swept.at(Broken(""))[0].state["first"])) == (0, NONE)
