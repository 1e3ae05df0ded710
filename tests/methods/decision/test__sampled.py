import torch

from pellucid.engine.passes import INPUT, Pass
from pellucid.methods.decision._cut import cuts_of
from pellucid.methods.decision._draws import draw
from pellucid.methods.decision._sampled import Work, sample, score
from tests.engine.asking import plan
from tests.networks import known


def test_sums_totals_and_scores_of_a_linear_scorer() -> None:
    scorer, x = known.linear_scorer(5, 3), torch.randn(2, 5, dtype=torch.float64)
    baselines = torch.randn(4, 5, dtype=torch.float64)

    def method(inputs, target):
        seen = yield from Pass(inputs, keep=[INPUT], target=target)
        work = [Work(cuts_of(inputs, seen.at(INPUT))[0])]
        drawn = draw({"input": x}, baselines, 4, 0, tokens=False)
        yield from score(work, INPUT, drawn, [2, 0], target)
        yield from sample(work, INPUT, drawn, range(3), target)
        return work[0], drawn.numbers["input"]

    (task,), _ = plan(scorer, method, x=x, target=1)
    work, numbers = task.result
    parts = [scorer.weight[1] * (x - baselines[numbers[i]]) for i in range(3)]
    assert torch.allclose(work.sums["input"], sum(parts))
    assert torch.allclose(torch.stack(work.totals), torch.stack([part.sum(1) for part in parts]))
    expected = [scorer(baselines[[numbers[i]] * 2])[:, 1] for i in (2, 0)]
    assert torch.allclose(torch.stack(work.scores), torch.stack(expected))
