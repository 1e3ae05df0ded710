from typing import Any

import numpy as np
import pytest
import torch
import torchvision
import transformers
from torch import Tensor, nn

import pellucid as pl
from pellucid.inputs.inputs import Inputs
from pellucid.methods.feature._maximized.canvas import canvases
from pellucid.methods.feature.activation_maximization import activation_maximization
from pellucid.results import Gallery, Series


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def seeded(*layers: nn.Module) -> nn.Sequential:
    net = nn.Sequential(*layers).eval()
    for i, one in enumerate(net.parameters()):
        one.data = drawn(*one.shape, seed=i) / one[0].numel() ** 0.5
    return net


def small() -> nn.Sequential:
    return seeded(
        nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 4)
    )


def linear() -> nn.Sequential:
    return seeded(nn.Flatten(), nn.Linear(3 * 6 * 6, 2, bias=False))


def pictures(model: nn.Module, x: Tensor, target: Any = None, **settings: Any) -> Gallery:
    found = activation_maximization(**settings)(model, x, target=target)[0]
    assert isinstance(found, Gallery)
    return found


def on_sphere(z: Tensor) -> Tensor:
    return z / z.flatten(1).norm(dim=1).view(-1, 1, 1, 1)


x = torch.sigmoid(drawn(2, 3, 12, 12, seed=5))


def test_a_linear_unit_wants_its_own_weights_on_the_unit_sphere() -> None:
    model, weight = linear(), linear()[1].weight[1].detach().reshape(3, 6, 6)

    found = pictures(model, x[:1, :, :6, :6], 1, prior=on_sphere, moves=False, n_steps=300)
    assert float((found.tensor()[0] * weight / weight.norm()).sum()) > 1 - 1e-3
    assert found.facts["objective"][0] == pytest.approx(float(weight.norm()), rel=1e-3)


def test_a_linear_unit_wants_the_signs_of_its_weights_in_the_box() -> None:
    """It comes near the corners ever more slowly: a sigmoid flattens, and Adam remembers the steep beginning."""
    model = linear()
    weight = model[1].weight[1].detach().reshape(1, 9, 12)
    corners = torch.zeros(1, 1, 9, 12)
    corners[0, 0, 0] = 1.0
    found = pictures(model, corners, 1, prior="pixels", moves=False, n_steps=300)
    assert torch.equal(found.tensor()[0].round(), (weight > 0).float())
    assert found.facts["objective"][0] == pytest.approx(float(weight.clamp(min=0).sum()), rel=2e-2)


def test_a_planted_pattern_is_found() -> None:
    pattern = drawn(1, 1, 5, 5)
    pattern = pattern / pattern.norm()
    conv = nn.Conv2d(1, 1, 5, bias=False)
    conv.weight.data = pattern
    example = torch.zeros(1, 1, 5, 5)
    example[0, 0, 0, 0], example[0, 0, 0, 1] = 1.0, -1.0
    found = pictures(
        nn.Sequential(conv, nn.ReLU(), nn.Flatten()).eval(), example, 0, prior=on_sphere, moves=False, n_steps=400
    )
    assert float((found.tensor()[0] * pattern[0]).sum()) >= 0.99


def test_naive_restatement() -> None:
    """Fourier coefficients, one unmoved image of one channel, Adam written out."""
    model, example = small(), x[:1]
    found = pictures(model, example, layer="2", channels=(3,), moves=False, n_steps=12, seed=4)
    (canvas,) = canvases(Inputs((example,)), "fourier", size=None, steps_first=False)
    z = canvas.drawn(1, 4)
    mean, square = torch.zeros_like(z), torch.zeros_like(z)
    for step in range(1, 13):
        leaf = z.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(model[:3](canvas.values(leaf))[:, 3].mean(), leaf)
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        z = z + 0.05 * mean / (1 - 0.9**step) / ((square / (1 - 0.999**step)).sqrt() + 1e-8)
    assert torch.allclose(found.tensor(), canvas.values(z), atol=1e-4)
    score = model[:3](canvas.values(z))[:, 3].mean().detach()
    assert found.facts["objective"][0] == pytest.approx(float(score), rel=1e-3)


@pytest.mark.parametrize("prior", ["fourier", "pixels", "maco", "maco_of_x"])
def test_final_unmoved_inputs_beat_the_best_of_noise(prior: str) -> None:
    model = small()
    gallery, curves = activation_maximization(prior=prior, n_steps=60)(model, x, target=[1, 3])
    scores = model(gallery.tensor()).detach()[[0, 1], [1, 3]]
    assert gallery.facts["objective"] == pytest.approx(tuple(scores.tolist()), rel=1e-4)
    assert all(a > b for a, b in zip(gallery.facts["objective"], gallery.facts["best of noise"], strict=True))
    assert isinstance(curves, Series) and curves.values.shape[0] == 2
    assert [info.score for info in gallery.targets] == list(gallery.facts["objective"])


def test_many_channels_in_one_batch_are_each_alone() -> None:
    model = small()
    both = pictures(model, x, layer="2", channels=(4, 1), n_steps=10, seed=2)
    alone = pictures(model, x, layer="2", channels=(4,), n_steps=10, seed=2)
    assert both.values.shape == (2, 3, 12, 12) and both.layer == "2"
    assert np.allclose(both.values[0], alone.values[0], atol=1e-4)
    assert [str(one).partition(":")[0] for one in both.captions] == ["channel 4", "channel 1"]


def test_the_forward_ends_at_the_layer_and_every_step_is_one_pass() -> None:
    """The first forward shows the network, the second fixes the target; then steps, the final inputs, and noise."""
    calls: list[int] = []
    model = small()
    model[5].register_forward_hook(lambda *_: calls.append(1))
    views = pl.Lens(model).see(x, activation_maximization(layer="0", channels=3, n_steps=5))
    assert views.cost.forwards == 1 + 1 + 5 + 1 + 8 and views.cost.backwards == 5
    assert len(calls) == 1


def test_same_seed_same_bytes_and_another_seed_another_picture() -> None:
    one, again, other = (pictures(small(), x, 1, n_steps=5, seed=seed) for seed in (3, 3, 4))
    assert one.digest == again.digest and np.abs(one.values - other.values).max() > 1e-3


@pytest.mark.parametrize(
    ("objective", "score"),
    [
        ("channel", lambda a: a[:, 2].mean((1, 2))),
        ("neuron", lambda a: a[:, 2, 4, 4]),
        ("norm", lambda a: a.square().mean((1, 2, 3))),
        (torch.eye(5)[2], lambda a: (a[:, 2] / a.norm(dim=1)).mean((1, 2))),
        (lambda a: a[:, 2].mean((1, 2)) - a[:, 0].mean((1, 2)), lambda a: (a[:, 2] - a[:, 0]).mean((1, 2))),
    ],
)
def test_objectives(objective: Any, score: Any) -> None:
    model = small()
    found = pictures(model, x, layer="2", channels=(2,), objective=objective, n_steps=30)
    assert found.facts["objective"][0] == pytest.approx(float(score(model[:3](found.tensor()).detach())), rel=1e-4)
    assert found.facts["objective"][0] > found.facts["best of noise"][0]


def test_diversity_makes_the_inputs_of_a_unit_less_alike() -> None:
    model = small()

    def likeness(diversity: float) -> float:
        found = pictures(model, x, layer="2", channels=(2,), n_images=3, diversity=diversity, n_steps=60)
        value = model[:3](found.tensor()).detach()
        grams = nn.functional.normalize(torch.einsum("bcij,bdij->bcd", value, value).flatten(1), dim=1)
        return float((grams @ grams.T).sum() - 3)

    assert likeness(3.0) < likeness(0.0)


def test_a_unit_that_is_dead_at_first_comes_alive() -> None:
    """Its ReLU lets no gradient through at the noise, until the gradient is led past it."""
    model = small()
    model[0].bias.data[:] = -3.0
    model[0].weight.data = drawn(6, 3, 3, 3, seed=9).abs()
    found = pictures(model, x * 2 - 1, layer="1", channels=(2,), moves=False, n_steps=60)
    assert found.facts["objective"][0] > 0 and not any("silent" in note.en for note in found.notes)
    model[0].weight.data = -model[0].weight.data.abs() * 1e-3
    found = pictures(model, x, layer="1", channels=(2,), n_steps=20)
    assert any("1 of 1 stayed silent" in note.en for note in found.notes) and found.facts["objective"] == (0.0,)


def test_it_stops_where_it_no_longer_rises() -> None:
    found = activation_maximization(layer="1", channels=(0,), n_steps=400)(_saturating(), x)
    steps = found[0].facts["steps"][0]
    assert 96 <= steps < 400 and np.isfinite(found[1].values[0]).sum() == steps


def _saturating() -> nn.Sequential:
    return seeded(nn.Conv2d(3, 2, 3), nn.Hardtanh(-0.2, 0.2), nn.Flatten(), nn.Linear(200, 2))


def test_classes_say_whether_the_network_recognises_them() -> None:
    model = small()
    model[5].bias.data[0] += 50
    found = pictures(model, x, [0, 2], n_steps=20)
    assert found.facts["recognised"] == 1
    assert any("1 of 2 are recognised" in note.en for note in found.notes)
    assert found.targets[0].probability == pytest.approx(1.0, abs=1e-3)


def test_other_targets_and_several_images_of_each() -> None:
    model = small()
    found = pictures(model, x, pl.contrast(1, 2), n_steps=5, n_images=3)
    assert found.values.shape[0] == 6 and len(found.images) == 6 and found.axes[0] == "image"
    out = model(found.tensor()).detach()
    assert found.facts["objective"] == pytest.approx(tuple((out[:, 1] - out[:, 2]).tolist()), rel=1e-4, abs=1e-5)


def test_what_cannot_be() -> None:
    with pytest.raises(pl.BadSetting, match="does not take inputs of size"):
        activation_maximization(size=9, n_steps=1)(linear(), x[:, :, :6, :6])
    with pytest.raises(pl.BadSetting, match="give layer="):
        activation_maximization(diversity=1.0)(small(), x)
    with pytest.raises(pl.BadSetting, match="0 to 5, not 6"):
        activation_maximization(layer="0", channels=(6,))(small(), x)


def test_progress_says_how_the_objective_rises() -> None:
    said: list[Any] = []
    view = activation_maximization(layer="2", channels=(3, 1), n_steps=12)
    found = pl.Lens(small()).see(x, view, progress=lambda at: said.append(at.said and str(at.said)))[0]
    told = [one.removeprefix("objective ").split(" → ") for one in said if one]
    means = np.mean([curve[:11] for curve in found[1].curves.values()], 0)
    assert [first for first, _ in told] == [f"{means[0]:.3g}"] * 11
    assert [last for _, last in told] == [f"{one:.3g}" for one in means]


def test_cancelling_leaves_the_model_as_found_and_keeps_what_is_finished() -> None:
    model = small()
    before = {name: value.clone() for name, value in model.state_dict().items()}

    def watch(progress: Any) -> None:
        if progress.step == (3, 51):
            raise pl.Cancelled("enough")

    views = pl.Lens(model).see(x, "saliency", activation_maximization(n_steps=50), progress=watch)
    assert [one.method for one in views.failures] == ["activation_maximization"] and len(views.results) == 1
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(one.grad is None and one.requires_grad for one in model.parameters())


def test_an_interrupt_leaves_the_model_as_found() -> None:
    model = small().requires_grad_(False).train()

    def watch(progress: Any) -> None:
        if progress.step == (3, 51):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pl.Lens(model).see(x, activation_maximization(n_steps=50), progress=watch)
    assert model.training and not any(one.requires_grad for one in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())


def test_without_an_input_the_preprocessing_states_what_is_made() -> None:
    stated = pl.Preprocess((0.5, 0.4, 0.3), (0.2, 0.3, 0.4), size=12)
    lens, low, high = pl.Lens(small(), preprocess=stated), *stated.limits
    made = lens.see(None, activation_maximization(layer="2", channels=2, n_steps=4))[0][0]
    assert made.values.shape == (2, 3, 12, 12) and [str(one).split(":")[0] for one in made.captions] == [
        "channel 0",
        "channel 1",
    ]
    assert (made.tensor().amin((0, 2, 3)) >= torch.tensor(low) - 1e-5).all()
    assert (made.tensor().amax((0, 2, 3)) <= torch.tensor(high) + 1e-5).all()
    assert any("black and white" in note.en for note in made.notes)
    named = lens.see(None, activation_maximization(n_steps=4), target=3)[0][0]
    assert named.targets[0].index == (3,) and named.code.endswith("(n_steps=4)(lens, target=3)")
    several = lens.see(None, activation_maximization(n_steps=4), target=[3, 1])[0][0]
    assert [one.index for one in several.targets] == [(3,), (1,)] and several.values.shape[0] == 2
    np.testing.assert_allclose(several.values[0], named.values[0], atol=1e-5)
    with pytest.raises(pl.BadSetting, match="no predicted class"):
        lens.see(None, activation_maximization(n_steps=4))
    with pytest.raises(pl.BadInput, match="needs an input x: nothing states"):
        pl.Lens(small()).see(None, activation_maximization(layer="2"))


def test_of_tables_the_range_of_each_column_counts_and_one_row_does_not_tell_it() -> None:
    table = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2)).eval()
    rows = torch.randn(30, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 10.0, 100.0])
    low, high = rows.amin(0) - 1e-4, rows.amax(0) + 1e-4
    data = torch.utils.data.TensorDataset(rows, torch.zeros(30, dtype=torch.long))
    asked = activation_maximization(layer="0", channels=2, n_steps=3)
    for made in (pl.Lens(table).see(rows, asked)[0][0], pl.Lens(table).sweep(data, asked)[0][0]):
        assert ((made.tensor() >= low) & (made.tensor() <= high)).all()
        assert any("within its range in 30 rows" in note.en for note in made.notes)
        np.testing.assert_allclose(made.images[0][0], (made.tensor()[0] - low) / (high - low), atol=1e-3)
    alone = pl.Lens(table).see(rows[:1], asked)[0][0]
    assert any("one row does not tell" in note.en and "多行" in note.zh for note in alone.notes)


def test_codes_and_arrays_are_directions() -> None:
    codes = Gallery(values=np.eye(5, dtype=np.float32)[[2, 4]], axes=("code", "channel"), layer="2")
    by_result = pictures(small(), x, objective=codes, n_steps=5)
    by_array = pictures(small(), x, layer="2", objective=codes.values, n_steps=5)
    assert by_result.layer == "2" and np.array_equal(by_result.values, by_array.values)
    assert [str(one).split(":")[0] for one in by_result.captions] == ["code 0", "code 1"]
    assert [str(one).split(":")[0] for one in by_array.captions] == ["direction 0", "direction 1"]
    assert by_result.captions[0].say("zh").startswith("码 0：") and "objective=<Gallery>" in by_result.code
    assert activation_maximization(objective=codes) == activation_maximization(objective=codes.with_())
    assert activation_maximization(objective=codes.values) == activation_maximization(objective=codes.tensor())
    other = codes.with_(axes=("code", "code"), values=np.eye(2, dtype=np.float32))
    with pytest.raises(pl.BadSetting, match=r"\(code, code\), not directions"):
        pictures(small(), x, layer="2", objective=other)


def test_the_codes_of_a_codebook_are_wanted_by_what_is_made() -> None:
    """Each picture lies nearer to its own code than to any other."""
    model, data = small(), torch.sigmoid(drawn(16, 3, 12, 12, seed=7) * 3)
    lens = pl.Lens(model)
    codes = lens.sweep(data, pl.codebook(layer="2", codes=3, k=1, pictures=0))[0][0]
    made = lens.sweep(pl.data(data), activation_maximization(objective=codes, k=1, n_steps=60))[0][0]
    headings = [str(one).partition(" · ")[0] for one in made.groups]
    assert headings == ["code 0", "code 0", "code 1", "code 1", "code 2", "code 2"]
    cells = model[:3](made.tensor()).detach().flatten(2)
    cosine = torch.einsum(
        "bcp,kc->bkp", nn.functional.normalize(cells, dim=1), nn.functional.normalize(codes.tensor(), dim=1)
    )
    assert made.facts["objective"] == pytest.approx(tuple(cosine.mean(2).diagonal().tolist()), rel=1e-4)
    assert all(a > b for a, b in zip(made.facts["objective"], made.facts["best of noise"], strict=True))


HF_SMALL: dict[str, Any] = {"image_size": 32, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16}
HF_VISION: list[tuple[str, dict[str, Any], str]] = [
    ("ViT", {**HF_SMALL, "patch_size": 8, "num_hidden_layers": 2}, "every block"),
    ("Dinov2", {**HF_SMALL, "patch_size": 8, "num_hidden_layers": 2}, "every block"),
    ("ConvNext", {"hidden_sizes": [4, 8], "depths": [1, 1], "num_stages": 2, "image_size": 32}, "last spatial"),
    (
        "Swin",
        {"image_size": 32, "patch_size": 4, "embed_dim": 8, "depths": [1, 1], "num_heads": [2, 2], "window_size": 4},
        "last spatial",
    ),
]


@pytest.mark.parametrize(("name", "settings", "layer"), HF_VISION, ids=[name for name, _, _ in HF_VISION])
def test_models_of_hugging_face_with_their_own_preprocessing(
    name: str, settings: dict[str, Any], layer: str, tmp_path: Any
) -> None:
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**settings, num_labels=3)
    getattr(transformers, f"{name}ForImageClassification")(config).save_pretrained(tmp_path)
    processor = transformers.ViTImageProcessor(
        size={"height": 32, "width": 32}, image_mean=[0.4, 0.5, 0.6], image_std=[0.2, 0.25, 0.3]
    )
    processor.save_pretrained(tmp_path)
    lens = pl.open(f"hf:{tmp_path}")
    settings = {"n_steps": 25, "moves": False}  # a random network answers to noise that moves take away
    inner, outer = activation_maximization(layer=layer, channels=2, **settings), activation_maximization(**settings)
    views = lens.see(None, inner, outer, target=1)
    assert not views.failures, [one.reason for one in views.failures]
    mean, std = torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.2, 0.25, 0.3])
    black, white = -mean / std, (1 - mean) / std
    for found in (views[0][0], views[1][0]):
        made = found.tensor()
        assert made.shape[1:] == (3, 32, 32) and any("black and white" in note.en for note in found.notes)
        assert (made.amin((0, 2, 3)) >= black - 1e-4).all() and (made.amax((0, 2, 3)) <= white + 1e-4).all()
        assert all(a > b for a, b in zip(found.facts["objective"], found.facts["best of noise"], strict=True))


def test_a_vision_transformer_of_torchvision_moves_towards_its_units() -> None:
    torch.manual_seed(0)
    model = torchvision.models.VisionTransformer(32, 8, 2, 2, 16, 16, num_classes=4).eval()
    lens = pl.Lens(model, preprocess=pl.Preprocess(size=32))
    objectives = ("channel", "neuron", torch.eye(16)[0])
    same: dict[str, Any] = {"layer": "every block", "channels": 2, "moves": False, "n_steps": 25}
    views = lens.see(None, *(activation_maximization(objective=one, **same) for one in objectives))
    for one in views:
        galleries = [each for each in one if isinstance(each, Gallery)]
        assert len(galleries) == 2
        for found in galleries:
            assert all(a > b for a, b in zip(found.facts["objective"], found.facts["best of noise"], strict=True))
