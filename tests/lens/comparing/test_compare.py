"""Models, checkpoints and runs side by side, from end to end."""

import copy

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import pellucid as pl
from pellucid.core.errors import BadInput, BadRequest, Cancelled
from pellucid.engine.monitor.log import MANIFEST
from pellucid.zoo import demo
from tests.lens.comparing.small import data, lens, net, renamed, rows, tuned


@pytest.fixture(scope="module")
def lite() -> pl.Lens:
    return pl.open("demo")


def photographs(lite: pl.Lens) -> torch.Tensor:
    files = sorted(demo.PHOTOS.glob("*.jpg"))
    return torch.cat([lite.read(file).tensors["input"] for file in files])


def fine_tuned(lite: pl.Lens, block: str) -> nn.Module:
    """Three steps of gradient descent that move the weights of one block alone, towards wrong answers."""
    model = copy.deepcopy(lite.model)
    moving = [one for name, one in model.named_parameters() if name.startswith(block)]
    for one in model.parameters():
        one.requires_grad_(False)
    for one in moving:
        one.requires_grad_(True)
    x, optimizer = photographs(lite)[:4], torch.optim.SGD(moving, lr=0.02)
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), torch.tensor([1, 2, 3, 4])).backward()
        optimizer.step()
    return model.eval()


def test_a_fine_tuned_block_is_pointed_at(lite):
    model = fine_tuned(lite, "_blocks.9.")
    other = pl.Lens(model, name="tuned", preprocess=lite.preprocess, labels=lite.labels)
    found = pl.compare(lite, other, data=f"folder:{demo.PHOTOS}", findings=False)
    changes = found["changes"]
    assert changes.facts["within"] == "_blocks.9" and "all within '_blocks.9'" in found.describe()
    curve, labels = found["depth"].curves["tuned"], found["depth"].labels
    parted = [label for label, value in zip(labels, curve, strict=True) if value < 1 - 1e-6]
    assert parted[0].startswith("_blocks.9.") and not any(one.startswith("_blocks.8.") for one in parted)
    assert {"_blocks.10._expand_conv", "_fc"} <= set(parted)
    assert curve[: labels.index(parted[0])] == pytest.approx(1, abs=1e-9)


def test_the_same_weights_in_other_code_do_not_differ(lite):
    timm = pytest.importorskip("timm")
    model = timm.create_model("tf_efficientnet_lite0").eval()
    own = lite.model.state_dict().values()
    model.load_state_dict(dict(zip(model.state_dict(), own, strict=True)))
    other = pl.Lens(model, name="timm", preprocess=lite.preprocess, labels=lite.labels)
    found = pl.compare(
        lite, other, x=demo.PHOTOS / "koala.jpg", data=f"folder:{demo.PHOTOS}", views=["saliency"], findings=False
    )
    rows = found["matching"].rows
    assert len(rows) == 99 and all(row["shape"] and row["how"].en == "likeness" for row in rows)
    assert [row["two"] for row in rows] == [
        name for name, module in model.named_modules() if any(True for _ in module.parameters(recurse=False))
    ]
    assert min(row["score"] for row in rows) > 1 - 1e-6 and found["changes"].facts["changed"] == ()
    assert "no difference" in str(found["weights"].notes[0]) and "every layer sees" in str(found["depth"].notes[0])
    assert found["agreement"].values.min() == 1 and "parting" not in found
    assert np.abs(found["saliency"][1].values).max() < 1e-4 * np.abs(found["saliency"][0].values).max()


def test_without_data_names_shapes_and_weights_are_compared():
    found = pl.compare(lens(), lens(tuned("last"), "second"))
    assert list(found) == ["summary", "matching", "weights", "changes"] and found["changes"].facts["within"] == "last"
    assert list(pl.compare(net(), renamed())["summary"].rows[0]) == ["model", "parameters"]


def test_three_are_compared_with_the_first():
    found = pl.compare(lens(), lens(tuned(), "b"), lens(net(5), "c"), data=data(), names=["x", "y", "z"])
    assert found["agreement"].values.shape == (3, 3) and list(found["weights"].curves) == ["y", "z"]
    assert len(found["alignment"]) == 2 and found["summary"].rows[2]["model"] == "z"
    assert "accuracy" in found["summary"].columns and found.names == ("x", "y", "z")


def test_four_examples_tell_which_layers_are_alike():
    assert "depth" in pl.compare(lens(), lens(tuned(), "b"), x=rows(6), views=[])
    assert "depth" not in pl.compare(lens(), lens(tuned(), "b"), x=rows(2), views=[])


def test_other_architectures_read_a_picture_in_their_own_way():
    picture = Image.fromarray((np.random.default_rng(0).uniform(size=(40, 40, 3)) * 255).astype(np.uint8))
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 5), nn.ReLU(), nn.Linear(5, 3)).eval()
    sizes = [pl.Preprocess(size=side, mean=(0.5,) * 3, std=(0.5,) * 3) for side in (32, 8)]
    found = pl.compare(pl.Lens(net(), preprocess=sizes[0]), pl.Lens(flat, preprocess=sizes[1]), x=picture)
    assert [row["model"] for row in found["decisions"].rows] == ["Sequential 1", "Sequential 2"]
    assert "saliency" in found and found["summary"].rows[0]["flops"] > found["summary"].rows[1]["flops"]


def test_models_stay_as_they_are():
    model = net().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.random.get_rng_state()
    pl.compare(pl.Lens(model, labels=["a", "b", "c", "d"]), net(), x=rows(4), data=data())
    assert model.training and all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert torch.equal(state, torch.random.get_rng_state()) and all(one.grad is None for one in model.parameters())


def test_it_is_the_same_each_time():
    one, two = (pl.compare(lens(), lens(tuned(), "b"), data=data()) for _ in range(2))
    assert [a.digest for a in one.results] == [b.digest for b in two.results]


def test_what_lenses_must_say_stands_under_every_result():
    random = lens(tuned(), "b")
    random.notes = (pl.Text("Random weights.", "随机权重。"),)
    found = pl.compare(lens(), random, data=data())
    assert all("b: Random weights." in [note.en for note in one.notes] for one in found.results)


def test_runs_are_compared():
    runs = []
    for rate in (0.1, 0.01):
        torch.manual_seed(0)
        model = net().train()
        optimizer = torch.optim.SGD(model.parameters(), lr=rate)
        with pl.Lens(model).watch(optimizer, every=1) as run:
            for _ in range(4):
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(model(rows(8)), torch.arange(8) % 4)
                loss.backward()
                optimizer.step()
                run.log(loss=loss)
        runs.append(run)
    found = pl.compare(*runs, names=["fast", "slow"])
    assert list(found) == ["final", "curves", "updates"] and list(found["curves"].curves) == ["fast", "slow"]
    assert [row["steps"] for row in found["final"].rows] == [4, 4]
    assert np.nanmedian(found["updates"][1].curves["slow"]) < 0.3 and "loss ends lowest in" in found.describe()


def test_what_cannot_be_compared_is_refused():
    run = pl.Lens(net()).watch()
    for given, words in (
        ((), "at least two, not 0"),
        ((net(),), "at least two, not 1"),
        ((net(), "demo"), r"a str is neither a lens, a model nor a run\n.*pl\.open"),
        ((net(), run), "runs are compared with runs"),
    ):
        with pytest.raises(BadRequest, match=words):
            pl.compare(*given)
    with pytest.raises(BadRequest, match="without x and data"):
        pl.compare(run, run, x=rows(1))
    with pytest.raises(BadRequest, match="2 different names"):
        pl.compare(net(), net(), names=["a", "a"])
    with pytest.raises(BadInput):
        pl.compare(net(), net(), data="folder:absent")
    with pytest.raises(BadRequest, match="'Sequential 2' is on the meta device"):
        pl.compare(net(), net().to("meta"))


def test_it_can_be_stopped():
    def stop(_: object) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        pl.compare(lens(), lens(tuned(), "b"), data=data(), progress=stop)


def test_findings_stand_in_the_table_unless_they_are_not_wanted():
    found = pl.compare(lens(), lens(tuned(), "b"), data=data())
    assert "findings" in found["summary"].columns and set(found["summary"].facts["findings"]) == {"first", "b"}
    assert "findings" not in pl.compare(lens(), lens(), data=data(), findings=False)["summary"].columns


def test_a_compiled_model_is_called_as_what_it_is():
    found = pl.compare(net(), torch.compile(net(), backend="eager"), data=data(), findings=False)
    assert found.names == ("Sequential 1", "Sequential 2") and found["changes"].facts["changed"] == ()


def test_one_view_needs_no_list():
    for one in (pl.saliency(), "saliency"):
        assert "saliency" in pl.compare(lens(), lens(), x=rows(2), views=one, findings=False)


def test_names_of_runs_and_models_are_told_how_to_open(tmp_path):
    (tmp_path / MANIFEST).touch()
    with pytest.raises(BadRequest, match=r"pl\.Run\.open\("):
        pl.compare(str(tmp_path), str(tmp_path))
    with pytest.raises(BadRequest, match=r"pl\.open\('demo'\)"):
        pl.compare("demo", "demo")


def test_the_line_that_makes_it_again_names_the_models():
    found = pl.compare(lens(name="Net a"), lens(name="2nd"), x=rows(2), views=[], findings=False)
    assert found["weights"].code == "pl.compare(net_a, model_2nd, x=x)"
    assert "data" not in found["summary"].facts
    assert pl.compare(lens(), lens(name="b"), data=data(), findings=False)["summary"].code == (
        "pl.compare(first, b, data=data)"
    )
    assert "data" in pl.compare(lens(), lens(name="b"), data=data(), findings=False)["summary"].facts
