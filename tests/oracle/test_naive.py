"""The restatements against autograd and numbers worked out by hand."""

import torch
from torch import nn

from tests.networks import known, seeded, vision
from tests.oracle import naive


def test_linear_model() -> None:
    model = known.linear_scorer()
    x = torch.randn(3, 6, dtype=torch.float64, generator=known.generator(5))
    rows = model.weight[[0, 2, 1]].detach()
    assert torch.equal(naive.saliency(model, x, [0, 2, 1]), rows)
    torch.testing.assert_close(naive.integrated_gradients(model, x, [0, 2, 1], 1, 0.5), rows * (x - 0.5))


def test_rules_by_hand() -> None:
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.ReLU(), nn.Linear(3, 1, bias=False)).double()
    model[0].weight.data = torch.eye(3, dtype=torch.float64)
    model[2].weight.data = torch.tensor([[2.0, -3.0, 5.0]], dtype=torch.float64)
    x = torch.tensor([[1.0, 1.0, -1.0]], dtype=torch.float64)
    assert naive.saliency(model, x, [0]).tolist() == [[2.0, -3.0, 0.0]]
    assert naive.with_rule(model, x, [0], naive.guided).tolist() == [[2.0, 0.0, 0.0]]
    assert naive.with_rule(model, x, [0], naive.deconvnet).tolist() == [[2.0, 0.0, 5.0]]


def test_grad_cam_of_a_pooled_head_is_its_class_activation_map() -> None:
    model = known.pooled_head()
    x = torch.randn(2, 3, 9, 12, dtype=torch.float64, generator=known.generator(6))
    seen = naive.activation(model, model[3], x)[0]
    cam = torch.einsum("bkhw,bk->bhw", seen, model[6].weight[[1, 3]])
    heat = naive.grad_cam(model, model[3], x, [1, 3], relu=False)
    torch.testing.assert_close(heat * seen[0, 0].numel(), cam)


def test_the_caller_keeps_what_it_had() -> None:
    model = seeded(vision.ArticleTwin)()
    naive.gradient_maps(model, torch.zeros(1, 3, 32, 32), [1])
    naive.with_rule(model, torch.zeros(1, 3, 32, 32), [1], naive.guided)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not model.relu1._backward_hooks
