import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import pellucid as pl
from examples.cifar10_lenet import Net, _data, answers_of, fit, look, tensors
from pellucid.inputs.shapes import make_shapes

METHODS = (
    "activation_maps",
    "gradient_maps",
    "gradient_flow",
    "slices",
    "flow_graph",
    "weights",
    "grad_cam",
    "saliency",
)


@pytest.fixture(scope="module")
def trained() -> Net:
    torch.manual_seed(0)
    return fit(Net(), make_shapes(1500), epochs=4)


@pytest.fixture(scope="module")
def seen(trained: Net) -> pl.Views:
    test = make_shapes(200, seed=1)
    return look(trained, test, answers_of(trained, test))


def test_the_shapes_can_be_learned(trained: Net) -> None:
    test = make_shapes(200, seed=1)
    assert (answers_of(trained, test) == test.labels).mean() > 0.8


def test_every_picture_of_the_tutorial_is_made_in_one_forward(seen: pl.Views) -> None:
    assert not seen.failures and seen.cost.forwards == 1 and seen.cost.backwards == 2
    assert {view.name for view in seen.asked} == set(METHODS)
    *pictures, table = seen["weights"]
    assert [result.layer for result in pictures] == [
        f"{name}:weight" for name in ("conv1", "conv2", "fc1", "fc2", "fc3")
    ]
    assert [row["layer"] for row in table.rows] == ["conv1", "conv2", "fc1", "fc2", "fc3"]


def test_the_pictures_are_what_the_tutorial_computes(trained: Net, seen: pl.Views) -> None:
    test = make_shapes(200, seed=1)
    shown = int(np.flatnonzero(answers_of(trained, test) == test.labels)[0])
    x, label = tensors(test.images[shown : shown + 1]), torch.from_numpy(test.labels[shown : shown + 1])
    trained.zero_grad()
    F.cross_entropy(trained(x), label).backward()
    for name in ("conv1", "conv2", "fc1", "fc2", "fc3"):
        weight = getattr(trained, name).weight
        place = [result.layer for result in seen["weights"]].index(f"{name}:weight")
        np.testing.assert_array_equal(seen["weights"][place].values, weight.detach().numpy())
    np.testing.assert_allclose(seen["gradient_maps"].values, trained.conv1.weight.grad, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(seen["activation_maps"][0].values, trained.conv1(x).detach(), rtol=1e-4, atol=1e-5)
    trained.zero_grad(set_to_none=True)


def test_the_graph_has_the_functions_and_the_pool_used_twice(seen: pl.Views) -> None:
    kinds = [node["op"] for node in seen["flow_graph"].nodes]
    assert sum("pool" in kind for kind in kinds) == 2 and sum("relu" in kind for kind in kinds) == 4


def test_the_published_archive_is_read(tmp_path: Path) -> None:
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        content = {b"data": np.full((2, 3072), 7, np.uint8), b"labels": [3, 5]}
        (tmp_path / name).write_bytes(pickle.dumps(content, 2))
    train, test = _data(tmp_path, 7)
    assert len(train.images) == len(train.labels) == 7 and len(test.images) == 2 and train.names[3] == "cat"


def test_a_batch_of_tensors_is_what_the_preprocessing_makes_of_each_picture() -> None:
    from PIL import Image

    images = make_shapes(3).images
    each = [pl.Preprocess.of("cifar10")(Image.fromarray(one)) for one in images]
    assert torch.equal(torch.cat(each), tensors(images))
