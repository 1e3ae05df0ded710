"""Lightning, as users have it."""

import sys
from contextlib import suppress

import lightning.pytorch as lightning
import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import pellucid as pl
from pellucid.core.errors import BadRequest
from pellucid.integrations import lightning as integration
from pellucid.integrations.lightning import lightning_callback

torch.set_num_threads(1)
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning", "ignore::FutureWarning:lightning")


class Classifier(lightning.LightningModule):
    """`through` says whether the steps call the module itself, or the network in it, as most do."""

    def __init__(self, through=False, fails_at=-1):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
        self.through, self.fails_at = through, fails_at

    def forward(self, x):
        return self.net(x)

    def loss(self, batch):
        x, labels = batch
        return nn.functional.cross_entropy(self(x) if self.through else self.net(x), labels)

    def training_step(self, batch, i):
        if i == self.fails_at:
            raise ValueError("no such word")
        loss = self.loss(batch)
        self.log("loss", loss)
        return loss

    def validation_step(self, batch, _):
        self.log("val_loss", self.loss(batch))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)


class Adversaries(lightning.LightningModule):
    """Two optimizers that the step calls itself."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.maker, self.judge = nn.Linear(2, 4), nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 1))

    def losses(self, x, noise):
        yield nn.functional.softplus(self.judge(self.maker(noise).detach()) - self.judge(x)).mean()
        yield nn.functional.softplus(-self.judge(self.maker(noise))).mean()

    def training_step(self, batch, _):
        judged, made = self.optimizers()
        for name, optimizer, loss in zip(("judge_loss", "loss"), (judged, made), self.losses(*batch), strict=True):
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()
            self.log(name, loss)

    def configure_optimizers(self):
        return [torch.optim.SGD(one.parameters(), lr=0.1) for one in (self.judge, self.maker)]


def rows(*shapes, count=32):
    made = torch.Generator().manual_seed(5)
    return [torch.randn(count, *shape, generator=made) for shape in shapes]


def data():
    return TensorDataset(*rows((4,)), torch.arange(32) % 3)


def fitted(model, callback, loaders=None, **settings):
    usual = {
        "max_epochs": 2, "accelerator": "cpu", "logger": False, "enable_checkpointing": False,
        "enable_progress_bar": False, "enable_model_summary": False,
    }  # fmt: skip
    trainer = lightning.Trainer(**usual | settings, callbacks=[callback] if callback is not None else [])
    loaders = loaders or (DataLoader(data(), batch_size=4), DataLoader(data(), batch_size=16))
    trainer.fit(model, *loaders)
    return trainer


def seeded(make, *given):
    torch.manual_seed(1)
    return make(*given)


def norms(part):
    """The norms of the gradients and weights of a model's layers."""
    layers = [one for one in part.modules() if isinstance(one, nn.Linear)]
    return [
        [float(torch.cat([value(one).flatten() for one in layer.parameters()]).norm()) for layer in layers]
        for value in (lambda one: one.grad, lambda one: one.detach())
    ]


def by_hand(model, accumulate):
    """The same training in a plain loop: norms before every step, and the losses."""
    optimizer, noted, losses = model.configure_optimizers(), [], []
    for _ in range(2):
        for i, batch in enumerate(DataLoader(data(), batch_size=4)):
            loss = model.loss(batch)
            losses.append(float(loss.detach()))
            (loss / accumulate).backward()
            if i % accumulate == accumulate - 1:
                noted.append(norms(model))
                optimizer.step()
                optimizer.zero_grad()
    return np.array(noted), losses


@pytest.mark.parametrize(("accumulate", "through"), [(1, True), (1, False), (2, False)])
def test_a_run_holds_what_a_plain_loop_would(accumulate, through):
    plain = seeded(Classifier, through)
    noted, losses = by_hand(plain, accumulate)
    model, callback = seeded(Classifier, through), lightning_callback(every=1)
    fitted(model, callback, accumulate_grad_batches=accumulate)
    run, steps = callback.watcher.run, 16 // accumulate
    assert run.state == "finished" and run.steps.tolist() == list(range(steps)) and not run.history.notes
    assert (
        run.layers == ("net.0", "net.1", "net.2")
        and run.history.facts("forwards").values.tolist() == [accumulate] * steps
    )
    np.testing.assert_allclose(run.grid("gradient").values, noted[:, 0], rtol=1e-6)
    np.testing.assert_allclose(run.grid("weight").values, noted[:, 1], rtol=1e-6)
    assert run.metrics["loss"].steps.tolist() == [i // accumulate for i in range(16)]
    np.testing.assert_allclose(run.metrics["loss"].values, losses, rtol=1e-6)
    assert run.metrics["val_loss"].steps.tolist() == [steps // 2 - 1, steps - 1]
    assert run.grid("flow").values.shape == run.grid("std").values.shape == (steps, 3)
    assert all(map(torch.equal, plain.state_dict().values(), model.state_dict().values()))
    assert_left_alone(model)


def assert_left_alone(model):
    assert not any(one._forward_hooks or one._forward_pre_hooks for one in model.modules())


@pytest.mark.parametrize("settings", [{}, {"precision": "bf16-mixed"}, {"gradient_clip_val": 0.1}])
def test_weights_are_bit_identical_with_and_without(settings):
    models = []
    for callback in (None, lightning_callback(every=1), lightning_callback()):
        models.append(seeded(Classifier))
        fitted(models[-1], callback, max_epochs=1, **settings)
        if callback is not None:
            assert callback.watcher.run.grid("gradient").values.size and not callback.watcher.run.history.notes
    assert all(map(torch.equal, models[0].state_dict().values(), models[1].state_dict().values()))
    assert all(map(torch.equal, models[0].state_dict().values(), models[2].state_dict().values()))


def test_two_optimizers_that_are_called_by_hand_make_one_step():
    batches = TensorDataset(*rows((4,), (2,)))
    plain, noted = seeded(Adversaries), []
    both = plain.configure_optimizers()
    for batch in DataLoader(batches, batch_size=8):
        found = []
        for part, optimizer, loss in zip((plain.judge, plain.maker), both, plain.losses(*batch), strict=True):
            optimizer.zero_grad()
            loss.backward()
            found = norms(part)[0] + found
            optimizer.step()
        noted.append(found)
    model, callback = seeded(Adversaries), lightning_callback(every=1)
    fitted(model, callback, [DataLoader(batches, batch_size=8)], max_epochs=1)
    run = callback.watcher.run
    gradient = run.grid("gradient")
    assert gradient.layers == ("maker", "judge.0", "judge.2") and gradient.steps.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(gradient.values, noted, rtol=1e-6)
    assert {name: curve.steps.tolist() for name, curve in run.metrics.items()} == {
        "judge_loss": [0, 1, 2, 3],
        "loss": [0, 1, 2, 3],
    }
    assert run.layers == ("maker", "judge.0", "judge.1", "judge.2")
    assert all(map(torch.equal, plain.state_dict().values(), model.state_dict().values()))


@pytest.mark.parametrize(
    ("error", "state"), [(ValueError, "ValueError: no such word"), (KeyboardInterrupt, "interrupted")]
)
def test_a_training_that_breaks_says_so_and_leaves_no_hooks(tmp_path, monkeypatch, error, state):
    model, callback = Classifier(fails_at=3), lightning_callback(every=1, folder=tmp_path / "run")
    if error is KeyboardInterrupt:
        monkeypatch.setattr(model, "configure_gradient_clipping", interrupted)
    with pytest.raises((error, SystemExit)):
        fitted(model, callback)
    run = pl.Run.open(tmp_path / "run")
    assert run.state == state and len(run.steps) == (3 if error is ValueError else 0)
    assert_left_alone(model)


def interrupted(*_, **__):
    raise KeyboardInterrupt


def test_a_training_is_gone_on_with_from_a_checkpoint(tmp_path):
    first = fitted(seeded(Classifier), lightning_callback(every=1, folder=tmp_path / "run"), max_epochs=1)
    first.save_checkpoint(tmp_path / "a.ckpt")
    for _ in range(2):  # the second time it does again what the first has done
        callback = lightning_callback(every=1, folder=tmp_path / "run", resume=True)
        trainer = lightning.Trainer(
            max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, callbacks=[callback],
        )  # fmt: skip
        trainer.fit(seeded(Classifier), DataLoader(data(), batch_size=4), ckpt_path=tmp_path / "a.ckpt")
    run = pl.Run.open(tmp_path / "run")
    assert run.steps.tolist() == list(range(16)) and run.metrics["loss"].steps.tolist() == list(range(16))


class Both(Classifier):
    def training_step(self, batch, i):
        loss = self.loss(batch)
        self.log_dict({"loss": loss, "always": loss}, on_step=True, on_epoch=True)
        self.log("mean", float(i), on_epoch=True, on_step=False)
        return loss


def test_metrics_of_steps_and_of_epochs_are_told_apart():
    callback = lightning_callback(every=1)
    fitted(Both(), callback, [DataLoader(data(), batch_size=8)])
    metrics = callback.watcher.run.metrics
    assert metrics["loss"].steps.tolist() == metrics["always"].steps.tolist() == list(range(8))
    assert metrics["loss_epoch"].steps.tolist() == [3, 7] and "loss_step" not in metrics
    assert metrics["loss_epoch"].values[0] == pytest.approx(metrics["loss"].values[:4].mean(), rel=1e-6)
    assert metrics["mean"].steps.tolist() == [3, 7] and metrics["mean"].values.tolist() == [1.5, 1.5]


def test_the_library_that_is_in_use_is_taken(monkeypatch):
    monkeypatch.delitem(sys.modules, "lightning")
    monkeypatch.setattr(integration, "find_spec", lambda name: None)
    with suppress(KeyError):
        monkeypatch.delitem(sys.modules, "pytorch_lightning")
    with pytest.raises(BadRequest, match="not installed"):
        lightning_callback()
    monkeypatch.setattr(integration, "find_spec", lambda name: name == "lightning" or None)
    assert isinstance(lightning_callback(), lightning.Callback)
