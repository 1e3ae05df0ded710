import torch

from pellucid.engine.sweeps.reducers import Sample
from pellucid.engine.sweeps.request import Sweep
from pellucid.methods.feature._labels import Labels
from tests.engine.sweeps.feeding import Fed, sweep


def test_labels_are_those_of_the_samples_that_a_sample_chooses():
    generator = torch.Generator().manual_seed(0)
    rows, labels = torch.randn(30, 3, generator=generator), torch.randint(-1, 5, (30,), generator=generator)
    chosen, told = Sample("", 8, whole=True, seed=3), Labels("", 8, 3)
    fed = Fed(rows, labels, bad=frozenset({4, 11}))
    (swept,) = sweep(torch.nn.Linear(3, 2), fed, [Sweep([chosen, told])], batch_size=3, shard=6)
    one, other = swept.at(chosen)[0].state, swept.at(told)[0].state
    assert torch.equal(one["ordinals"], other["ordinals"]) and len(set(one["ordinals"].tolist())) == 8
    assert other["vectors"][:, 0].tolist() == labels[one["ordinals"]].tolist()
