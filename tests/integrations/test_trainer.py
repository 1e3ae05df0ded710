"""Hugging Face's `Trainer`, as users have it."""

import torch
from torch import nn
from transformers import Trainer, TrainingArguments

from pellucid.integrations.trainer import trainer_callback

torch.set_num_threads(1)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x, labels):
        out = self.fc(x)
        return {"loss": nn.functional.cross_entropy(out, labels), "logits": out}


def test_a_trainer_is_watched(tmp_path):
    rows = [{"x": torch.randn(3), "labels": i % 2} for i in range(16)]
    callback = trainer_callback(every=1, folder=tmp_path / "run")
    asked = TrainingArguments(
        str(tmp_path / "out"), max_steps=4, per_device_train_batch_size=4, logging_steps=1, report_to=[], use_cpu=True,
        disable_tqdm=True, save_strategy="no",
    )  # fmt: skip
    model = Model()
    Trainer(model, asked, train_dataset=rows, callbacks=[callback]).train()
    run = callback.watcher.run
    assert run.state == "finished" and run.steps.tolist() == [0, 1, 2, 3] and run.layers == ("fc",)
    assert run.metrics["loss"].steps.tolist()[:4] == [0, 1, 2, 3]
    assert not model._forward_hooks and not model.fc._forward_hooks
