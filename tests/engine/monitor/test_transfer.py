import torch

from pellucid.engine.monitor.transfer import Transfer


def test_scalars_arrive_with_their_keys_and_bits():
    made = Transfer()
    values = {
        "half": torch.tensor(0.5, dtype=torch.bfloat16),
        "single": torch.tensor(0.1),
        "double": torch.tensor(0.1, dtype=torch.float64),
        "count": torch.tensor(2**40),
        "shaped": torch.tensor([3.0]),
        "bad": torch.tensor(float("nan")),
    }
    for key, value in values.items():
        made.add(key, value.requires_grad_() if value.is_floating_point() else value)
    found = made.start().read()
    assert made.ready and found.keys() == values.keys()
    assert found["double"] == 0.1 and found["count"] == 2**40 and found["single"] == float(torch.tensor(0.1))
    assert found["bad"] != found["bad"]


def test_nothing_is_nothing():
    assert Transfer().start().read() == {}
