import torch
from torch import nn

from pellucid.engine.monitor.budget import Budget
from pellucid.engine.monitor.forwards import UNSEEN, is_compiled, watched
from pellucid.engine.monitor.history import History
from pellucid.engine.monitor.monitor import Monitor

torch.set_num_threads(1)


def test_parts_that_run_compiled_or_scripted_are_left_alone():
    model = nn.Sequential(nn.Linear(3, 3))
    model.add_module("1", torch.compile(nn.Sequential(nn.Linear(3, 3)), backend="eager"))
    assert set(watched(model)) == {"", "0", "1"}
    part = nn.Linear(3, 3)
    part._compiled_call_impl = lambda: None
    assert is_compiled(part) and not is_compiled(model)


def test_validation_is_no_forward_of_training_even_with_gradients():
    model, history = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5)), History()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = Monitor(model, [optimizer], lambda item: history.add((item,)), Budget(0.01, 1))
    monitor.open()
    for _ in range(3):
        model.train()
        optimizer.zero_grad()
        model(torch.ones(2, 3)).sum().backward()
        optimizer.step()
        model.eval()
        model(torch.full((2, 3), 100.0))
        monitor.log({"val_loss": 1.0})
    monitor.close()
    assert history.facts("forwards").values.tolist() == [1, 1, 1]
    assert history.metrics["val_loss"].steps.tolist() == [0, 1, 2]
    assert history.grid("mean").values.max() < 10 and not monitor.guard.error


def test_a_training_in_evaluation_mode_is_watched():
    model, history = nn.Sequential(nn.Linear(3, 3)).eval(), History()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = Monitor(model, [optimizer], lambda item: history.add((item,)), Budget(0.01, 1))
    monitor.open()
    for _ in range(2):
        model(torch.ones(2, 3)).sum().backward()
        optimizer.step()
    monitor.close()
    assert history.grid("flow").values.shape == (2, 1)


def test_a_model_that_is_compiled_while_it_is_watched_says_that_it_is_unseen():
    model, history = nn.Sequential(nn.Linear(3, 3), nn.ReLU()), History()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = Monitor(model, [optimizer], lambda item: history.add((item,)), Budget(0.01, 1))
    monitor.open()
    compiled = torch.compile(model, backend="eager")
    for _ in range(3):
        compiled(torch.ones(2, 3)).sum().backward()
        monitor.log({"before": 1.0})
        optimizer.step()
        monitor.log({"after": 1.0})
    monitor.close()
    assert history.notes == [UNSEEN] and not history.grid("mean").layers
    assert [one.steps.tolist() for one in history.metrics.values()] == [[0, 1, 2]] * 2
    assert history.grid("gradient").values.shape == (3, 1)


def test_a_part_that_is_compiled_stands_where_it_runs_under_its_own_name():
    part = torch.compile(nn.Sequential(nn.Linear(3, 3), nn.ReLU()), backend="eager")
    model, history = nn.Sequential(part, nn.Linear(3, 3)), History()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = Monitor(model, [optimizer], lambda item: history.add((item,)), Budget(0.01, 1))
    monitor.open()
    model(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    monitor.close()
    assert history.grid("gradient").layers == ("0.0", "1") and history.grid("flow").layers == ("1",)
    assert not history.notes and not monitor.guard.error
