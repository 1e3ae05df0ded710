import pytest
import torch
from torch import nn

from pellucid.core.provenance import TargetInfo
from pellucid.engine.looker import Looker
from pellucid.engine.planner import Planner
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.feature._maximized.canvas import NOISE, canvases
from pellucid.methods.feature._maximized.climb import Climb, Climbed
from pellucid.methods.feature._maximized.reached import NOISES, Reached, reached


def test_scores_of_the_final_inputs_beside_the_best_of_noise() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(48, 3)).eval()
    x = Inputs((torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0)),))
    (canvas,) = canvases(x, "pixels", size=None, steps_first=False)
    climb = Climb(x, [canvas], Target([2, 0]), 5, None, 7)
    final = canvas.drawn(2, 99, spread=3.0)
    found = Climbed([final], [], torch.tensor([5, 5]), torch.tensor([False, False]))
    infos = [TargetInfo("two", (2,), 0.0, zh="二"), TargetInfo("nought", (0,), 0.0)]
    planner = Planner(Looker(model), lambda view, x, target: reached(climb, found, infos), x)
    task = planner.add("view", x, None)
    planner.run()
    assert isinstance(task.result, Reached)
    with torch.no_grad():
        out = model(canvas.values(final))
        noise = [model(canvas.values(canvas.drawn(2, 7, k, spread=NOISE))) for k in range(1, NOISES + 1)]
    rows, classes = [0, 1], [2, 0]
    assert [one.score for one in task.result.targets] == pytest.approx(out[rows, classes].tolist())
    assert [one.probability for one in task.result.targets] == pytest.approx(out.softmax(1)[rows, classes].tolist())
    assert task.result.first == tuple((out.argmax(1) == torch.tensor(classes)).tolist())
    best = torch.stack([one[rows, classes] for one in noise]).amax(0)
    assert task.result.noise.tolist() == pytest.approx(best.tolist(), rel=1e-5)
    score, chance = float(out[0, 2]), float(out.softmax(1)[0, 2])
    assert task.result.captions[0].en == f"two: {score:.3g}, p = {chance:.2f} · noise {float(best[0]):.3g}"
    assert task.result.captions[0].zh.startswith("二：") and task.result.captions[1].zh.startswith("nought：")
