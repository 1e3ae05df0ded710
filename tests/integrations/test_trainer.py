"""Hugging Face's `Trainer` and Accelerate, as users have them."""

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import nn
from torch.utils.data import DataLoader, default_collate
from transformers import Trainer, TrainingArguments

import pellucid as pl
from pellucid.integrations.trainer import trainer_callback

torch.set_num_threads(1)


class Model(nn.Module):
    def __init__(self, fails_at=-1):
        super().__init__()
        self.first, self.last = nn.Linear(3, 5), nn.Linear(5, 2)
        self.fails_at, self.count = fails_at, 0

    def forward(self, x, labels):
        self.count += 1
        if self.count == self.fails_at:
            raise ValueError("no such word")
        out = self.last(self.first(x).relu())
        return {"loss": nn.functional.cross_entropy(out, labels), "logits": out}


def rows(count=32):
    made = torch.Generator().manual_seed(5)
    return [{"x": torch.randn(3, generator=made), "labels": i % 2} for i in range(count)]


def trainer(folder, model, *callbacks, **settings):
    usual = {
        "max_steps": 4, "per_device_train_batch_size": 4, "logging_steps": 1, "report_to": [], "use_cpu": True,
        "disable_tqdm": True, "save_strategy": "no", "optim": "sgd", "learning_rate": 0.1,
        "lr_scheduler_type": "constant",
    }  # fmt: skip
    made = Trainer(
        model, TrainingArguments(str(folder / "out"), **usual | settings), train_dataset=rows(), eval_dataset=rows(8),
        callbacks=list(callbacks),
    )  # fmt: skip
    made.get_train_dataloader = lambda: DataLoader(rows(), usual["per_device_train_batch_size"])
    return made


def seeded(*given):
    torch.manual_seed(1)
    return Model(*given)


def left_alone(model):
    return not any(one._forward_hooks or one._forward_pre_hooks for one in model.modules())


def norm(layer, value):
    return float(torch.cat([value(one).flatten() for one in layer.parameters()]).norm())


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_run_holds_what_a_plain_loop_would(tmp_path, accumulate):
    plain, gradients, losses, batches = seeded(), [], [], iter(DataLoader(rows(), 4))
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)
    for _ in range(4):
        total = sum(plain(**next(batches))["loss"] for _ in range(accumulate)) / accumulate
        total.backward()
        losses.append(float(total.detach()))
        gradients.append([norm(one, lambda weight: weight.grad) for one in (plain.first, plain.last)])
        optimizer.step()
        optimizer.zero_grad()
    callback, model = trainer_callback(every=1, folder=tmp_path / "run"), seeded()
    trainer(tmp_path, model, callback, gradient_accumulation_steps=accumulate, max_grad_norm=1e6).train()
    run = callback.watcher.run
    assert run.state == "finished" and run.steps.tolist() == [0, 1, 2, 3]
    assert run.grid("gradient").layers == ("first", "last") and run.grid("flow").values.shape == (4, 3)
    np.testing.assert_allclose(run.grid("gradient").values, gradients, rtol=1e-6)
    assert run.history.facts("forwards").values.tolist() == [accumulate] * 4
    assert run.metrics["loss"].steps.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(run.metrics["loss"].values, losses, rtol=1e-4)  # what it logs is rounded
    assert set(run.metrics) == {"loss", "grad_norm", "learning_rate"} and left_alone(model)


@pytest.mark.parametrize("bf16", [False, True])
def test_weights_are_bit_identical_with_and_without(tmp_path, bf16):
    models = []
    for callbacks in ([], [trainer_callback(every=1)]):
        models.append(seeded())
        trainer(tmp_path, models[-1], *callbacks, bf16=bf16).train()
    assert all(map(torch.equal, models[0].state_dict().values(), models[1].state_dict().values()))


def test_what_is_evaluated_while_training_is_of_validation(tmp_path):
    callback = trainer_callback(every=1)
    trainer(tmp_path, Model(), callback, eval_strategy="steps", eval_steps=2).train()
    run = callback.watcher.run
    assert run.metrics["eval_loss"].steps.tolist() == [1, 3] and run.steps.tolist() == [0, 1, 2, 3]
    loss = next(one for one in run.curves() if "eval_loss" in one.curves)
    assert set(loss.curves) == {"loss", "eval_loss"} and "validation" in loss.names["eval_loss"].en


def test_a_checkpoint_goes_on_at_its_step(tmp_path):
    for resume in (False, True):
        callback = trainer_callback(every=1, folder=tmp_path / "run", resume=resume)
        settings = {"max_steps": 5 if resume else 4, "save_strategy": "steps", "save_steps": 3}
        made = trainer(tmp_path, seeded(), callback, **settings)
        made.train(resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-3") if resume else None)
        assert callback.watcher.run.steps.tolist() == ([0, 1, 2, 3, 4] if resume else [0, 1, 2, 3])
    assert pl.Run.open(tmp_path / "run").steps.tolist() == [0, 1, 2, 3, 4]


def test_an_error_is_told_where_the_callback_can_hear_of_it(tmp_path):
    model = Model(fails_at=3)
    with (
        pytest.raises(ValueError, match="no such word"),
        trainer_callback(every=1, folder=tmp_path / "run") as callback,
    ):
        trainer(tmp_path, model, callback).train()
    assert callback.watcher.run.state == "ValueError: no such word" and left_alone(model)
    assert pl.Run.open(tmp_path / "run").steps.tolist() == [0, 1]


def test_after_an_error_the_next_training_starts_anew(tmp_path):
    model, callback = Model(fails_at=3), trainer_callback(every=1)
    made = trainer(tmp_path, model, callback)
    with pytest.raises(ValueError, match="no such word"):
        made.train()
    first = callback.watcher.run
    assert first.state == "running"
    made.train()
    second = callback.watcher.run
    assert first.state != "running" and second is not first and second.steps.tolist() == [0, 1, 2, 3]
    assert left_alone(model)


@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_accelerate_is_watched_as_a_plain_loop_is(precision):
    trained = []
    AcceleratorState._reset_state(reset_partial_state=True)
    for watched in (False, True):
        accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2, mixed_precision=precision)
        plain = seeded()
        loader = DataLoader(rows(), 4, collate_fn=default_collate)
        model, optimizer, batches = accelerator.prepare(plain, torch.optim.SGD(plain.parameters(), lr=0.1), loader)
        run = pl.Lens(accelerator.unwrap_model(model)).watch(optimizer, every=1)
        if watched:
            run.__enter__()
        gradients = []
        for batch in batches:
            with accelerator.accumulate(model):
                loss = model(**batch)["loss"]
                accelerator.backward(loss)
                if watched and accelerator.sync_gradients:
                    gradients.append([norm(one, lambda weight: weight.grad) for one in (plain.first, plain.last)])
                optimizer.step()
                optimizer.zero_grad()
            if watched:
                run.log(loss=loss)
        if watched:
            run.__exit__(None, None, None)
            assert run.steps.tolist() == [0, 1, 2, 3] and run.metrics["loss"].steps.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
            np.testing.assert_allclose(run.grid("gradient").values, gradients, rtol=1e-6)
        trained.append(plain.state_dict())
    assert all(map(torch.equal, trained[0].values(), trained[1].values()))
