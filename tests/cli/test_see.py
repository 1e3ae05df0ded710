"""`pellucid see`, from the words to the files and the exit code."""

import re
import signal

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from torch import nn

import pellucid as pl
from pellucid.cli import main
from pellucid.cli.see import capital, first_sentence, opening_words, title_of

NETS = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.fc = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 6, 3), nn.Linear(6, 3)

    def forward(self, x):
        return self.fc(self.conv2(torch.relu(self.conv1(x)).relu()).mean((2, 3)))


class Breaks(Net):
    def forward(self, x):
        return self.fc(torch.relu(self.conv1(x)).mean((2, 3)))


class Detached(Net):
    def forward(self, x):
        return super().forward(x).detach()


def rows():
    return nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))
"""
X = "random:1x3x10x10"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Every test runs in a folder of its own with the networks beside it."""
    (tmp_path / "nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    return tmp_path


def see(*words: str):
    """The command, run."""
    return CliRunner().invoke(main, ["see", *words])


def test_one_picture_to_a_file(folder):
    seen = see("nets.py:Net", X, "-m", "saliency", "-t", "2", "-o", "heat.npz")
    assert seen.exit_code == 0, seen.output
    assert (folder / "heat.npz").is_file()
    assert (
        "saliency (class 2)" in seen.stdout
        and "Wrote heat.npz" in seen.stdout
        and "1 forward and 1 backward" in seen.stdout
    )
    assert str(folder / "nets.py") in seen.stderr, "whose code runs is told"


def test_the_tour_leaves_out_what_the_network_cannot_give(folder):
    seen = see("nets.py:rows", "random:2x5")
    assert seen.exit_code == 0, seen.output
    assert "saliency" in seen.stdout and "grad_cam" not in seen.stdout and "Not made" not in seen.stdout
    page = (folder / "pellucid-report.html").read_text()
    assert "<script" not in page and "<title>rows: random:2x5</title>" in page


def test_what_was_asked_for_and_cannot_be_is_told():
    seen = see("nets.py:rows", "random:2x5", "-m", "grad_cam", "-m", "saliency", "-o", "x.html")
    assert seen.exit_code == 1
    assert re.search(r"Not made: grad_cam: .*\w", seen.stdout) and "Wrote x.html" in seen.stdout


def test_settings_layers_and_several_targets():
    seen = see(
        "nets.py:Net",
        X,
        "-m",
        "grad_cam",
        "-m",
        "activation_maps:channels=2,layer=conv2",
        "-l",
        "conv1",
        "-t",
        "0",
        "-t",
        "1>2",
        "-o",
        "all",
    )
    assert seen.exit_code == 0, seen.output
    assert "grad_cam conv1 (class 0)" in seen.stdout and "grad_cam conv1 (class 1 rather than class 2)" in seen.stdout
    assert "activation_maps conv2" in seen.stdout


def test_methods_of_the_model_alone_need_no_input():
    assert see("nets.py:Net", "-o", "w.html").exit_code == 0
    seen = see("nets.py:Net", "-m", "saliency")
    assert seen.exit_code == 2 and "saliency needs an input" in seen.stderr


def test_weights_labels_and_preprocessing(folder):
    (folder / "labels.txt").write_text("cat\ndog\nhen\n")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)).save("a.png")
    space: dict = {}
    exec(NETS, space)
    torch.save(space["Net"]().state_dict(), "model.pth")
    words = [
        "nets.py:Net",
        "a.png",
        "-w",
        "model.pth",
        "--preprocess",
        "cifar10",
        "--labels",
        "labels.txt",
        "-m",
        "saliency",
    ]
    seen = see(*words, "-t", "hen", "-o", "x.json")
    assert seen.exit_code == 0, seen.output
    assert "saliency (hen)" in seen.stdout
    seen = see(*words, "-t", "hem")
    assert seen.exit_code == 2 and "no class is called 'hem'" in seen.stderr and "'hen'" in seen.stderr


def test_in_chinese():
    seen = see("nets.py:Net", X, "-m", "saliency", "--lang", "zh", "-o", "x.html")
    assert seen.exit_code == 0 and "已写入 x.html" in seen.stdout and "预测" in seen.stdout


def test_quiet():
    seen = see("nets.py:Net", X, "-m", "saliency", "-q", "-o", "x.json")
    assert (seen.exit_code, seen.output) == (0, "")


def test_the_same_words_give_the_same_numbers(folder):
    for name in ("a.npz", "b.npz"):
        torch.manual_seed(0)
        assert see("nets.py:rows", "random:2x5", "-m", "saliency", "--seed", "7", "-o", name).exit_code == 0
    a, b = (np.load(folder / name)["values"] for name in ("a.npz", "b.npz"))
    assert np.array_equal(a, b)


# ------------------------------------------------------------------------------------------- what a user gets wrong


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["nets.py:Net", X, "-m", "grad_cam:layer=conv3"],
            ["no layer 'conv3'", "'conv2'", "pellucid layers nets.py:Net"],
        ),
        (["nets.py:Net", X, "-m", "saliency", "-l", "layer4"], ["no layer 'layer4'", "pellucid layers nets.py:Net"]),
        (["nets.py:Net", X, "-m", "weigths"], ["no visualization is called 'weigths'", "'weights'"]),
        (["nets.py:Net", X, "-m", "saliency", "-t", "3"], ["target 3 is out of range", "3 classes"]),
        (["nets.py:Net", X, "-t", "3"], ["target 3 is out of range"]),
        (["nets.py:Net", "random:0x3x9x9"], ["not a shape"]),
        (["nets.py:Net", "empty.npy"], ["empty"]),
        (["nets.py:Net", "nan.npy"], ["243 NaN", "asked by  nan.npy"]),
        (["nets.py:Net", "cut.jpg", "--preprocess", "imagenet"], ["cut.jpg", "damaged"]),
        (["nets.py:Net", "bomb.png", "--preprocess", "imagenet"], ["bomb.png", "too large", "400000000 pixels"]),
        (["nets.py:Net", "no.jpg", "--preprocess", "imagenet"], ["no file 'no.jpg'"]),
        (["nets.py:Net", "a film that I liked"], ["not a file", "text"]),
        (["nets.py:Net", X, "-w", "other.pth"], ["does not fit Net", "conv1.weight", "0.weight"]),
        (["nets.py:Net", X, "-w", "whole.pth"], ["refused", "whole model"]),
        (["nets.py:Nt", X], ["has no 'Nt'", "'Net'"]),
        (["torchvision:resnet1", X], ["no model 'resnet1'", "torchvision:resnet18"]),
        (["nets.py:Net", X, "-o", "x.bmp"], ["'.bmp'", ".png"]),
        (["nets.py:Net", X, "-o", "x.png"], ["holds one picture"]),
        (["nets.py:Net", X, "--device", "gpu"], ["no device 'gpu'"]),
    ],
    ids=lambda value: value[0] if len(value) < 3 else " ".join(value)[12:44],
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_bad_requests(folder, words, told):
    np.save("empty.npy", np.zeros((0, 3, 9, 9), np.float32))
    np.save("nan.npy", np.full((1, 3, 9, 9), np.nan, np.float32))
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    picture.save("whole.jpg")
    (folder / "cut.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:700])
    Image.new("1", (20_000, 20_000)).save("bomb.png")
    torch.save(nn.Sequential(nn.Linear(2, 2)).state_dict(), "other.pth")
    torch.save(nn.Linear(2, 2), "whole.pth")
    seen = see(*words)
    assert seen.exit_code == 2, seen.output
    assert not [word for word in told if word not in seen.stderr], seen.stderr
    assert seen.stderr.count("Error: ") == 1 and "Traceback" not in seen.output
    assert not list(folder.glob("*.html")), "nothing is written"


def test_pictures_need_preprocessing():
    Image.new("RGB", (20, 20)).save("a.png")
    seen = see("nets.py:Net", "a.png")
    assert seen.exit_code == 2 and "--preprocess imagenet" in seen.stderr


# ------------------------------------------------------------------------------------------------ what the model does


@pytest.mark.parametrize("methods", [[], ["-m", "flow_graph"], ["-m", "saliency", "-m", "flow_graph"]])
def test_a_model_that_raises_in_the_middle_is_drawn_up_to_there(folder, methods):
    seen = see("nets.py:Breaks", X, *methods, "-o", "x.html")
    assert seen.exit_code == 3
    alone = "The model raised at 'fc/linear.0': RuntimeError “mat1 and mat2"
    assert ("raised RuntimeError in 'fc'" if "saliency" in methods else alone) in seen.stderr
    assert "flow graph" in seen.stderr and "Traceback" not in seen.stderr
    assert "flow_graph" in seen.stdout and "mean" in (folder / "x.html").read_text()


def test_a_model_that_raises_without_the_graph(folder):
    seen = see("nets.py:Breaks", X, "-m", "saliency", "-o", "x.html")
    assert seen.exit_code == 3 and "in 'fc'" in seen.stderr and "-m flow_graph" in seen.stderr
    assert not (folder / "x.html").exists()


def test_a_wrong_shape_is_the_models_own_error():
    seen = see("nets.py:Net", "random:1x4x9x9", "-m", "saliency")
    assert seen.exit_code == 3 and "conv1" in seen.stderr


def test_an_output_without_gradient():
    seen = see("nets.py:Detached", X, "-m", "saliency", "-m", "activation_maps", "-o", "x.html")
    assert seen.exit_code == 1
    assert "Not made: saliency: " in seen.stdout and "gradient" in seen.stdout and "activation_maps" in seen.stdout


def test_ctrl_c_keeps_what_is_finished(folder):
    (folder / "stops.py").write_text(
        NETS + "\nimport os, signal\n\n\nclass Stops(Net):\n    count = 0\n\n    def forward(self, x):\n"
        "        Stops.count += 1\n        if Stops.count == 3:\n            os.kill(os.getpid(), signal.SIGINT)\n"
        "        return super().forward(x)\n"
    )
    before = signal.getsignal(signal.SIGINT)
    seen = see("stops.py:Stops", X, "-m", "saliency", "-m", "integrated_gradients:n_steps=500", "-o", "x.html")
    assert seen.exit_code == 130
    assert "Stopping after this pass" in seen.stderr and "Wrote x.html" in seen.stdout
    assert "saliency" in seen.stdout and "Not made: integrated_gradients" in seen.stdout
    assert signal.getsignal(signal.SIGINT) is before


def test_first_sentences():
    assert first_sentence("Half lies in 22% at layer4.1 of it. That is much.") == "Half lies in 22% at layer4.1 of it."
    assert first_sentence("共 32 张图。彩色图。") == "共 32 张图。"
    assert first_sentence("No stop") == "No stop"


def test_titles():
    assert title_of("Net", ["a/b/cat.jpg"]) == "Net: cat.jpg" and title_of("Net", []) == "Net"
    assert capital("the model") == "The model"


def test_every_example_has_its_prediction():
    told = see("nets.py:rows", "random:3x5", "-m", "saliency").stdout
    predicted = re.search("Predicted: (.*)", told)
    assert predicted is not None and predicted[1].count("class") == 3
    more = see("nets.py:rows", "random:7x5", "-m", "saliency").stdout
    assert ", and 2 more" in more


def test_without_weights_the_same_network_each_time(folder):
    for name in ("a.npz", "b.npz"):
        torch.manual_seed(1 if name == "a.npz" else 2)
        assert see("nets.py:Net", X, "-m", "saliency", "-o", name).exit_code == 0
    with np.load("a.npz") as a, np.load("b.npz") as b:
        assert np.array_equal(a["values"], b["values"])


def test_labels_of_another_number_of_classes_are_told(folder):
    (folder / "two.txt").write_text("left\nright\n")
    seen = see("nets.py:Net", X, "-m", "saliency", "--labels", "two.txt")
    assert seen.exit_code == 0 and "'two.txt' holds 2 class names" in seen.stderr
    fits = see("nets.py:rows", "random:1x5", "-m", "saliency", "--labels", "two.txt")
    assert "class names" not in fits.stderr


def test_what_helps_stands_below_what_was_not_made():
    seen = see("nets.py:Net", X, "-m", "grad_cam:layer=fc")
    assert seen.exit_code == 1 and "try       name a layer that keeps height and width" in seen.stdout


def test_layers_of_a_picture_ask_for_the_option(folder):
    Image.new("RGB", (10, 10)).save("p.png")
    seen = CliRunner().invoke(main, ["layers", "nets.py:Net", "p.png"])
    assert seen.exit_code == 2 and "--preprocess imagenet" in seen.stderr and "pl." not in seen.stderr


def test_a_bare_count_is_not_all_that_is_said():
    assert opening_words("16 pictures. They go from 0 to 2. More.") == "16 pictures. They go from 0 to 2."
    assert opening_words("共 16 张图。数值范围为 0 到 2。其余。") == "共 16 张图。数值范围为 0 到 2。"
    assert opening_words("All there is.") == "All there is."
    long = "Half of the evidence lies in a third of it."
    assert opening_words(f"{long} More.") == long


@pytest.fixture
def language(folder):
    from transformers import LlamaConfig, LlamaForCausalLM

    from tests.engine.targets.test_tokens import SMALL
    from tests.engine.targets.test_vocabulary import byte_level

    LlamaForCausalLM(LlamaConfig(vocab_size=20, num_key_value_heads=2, **SMALL)).save_pretrained(folder / "small")
    byte_level().save_pretrained(folder / "small")


def test_a_language_model_on_a_text(folder, language):
    done = see("hf:small", "Lyon is", "-m", "saliency", "-t", " Paris", "-o", "a.json")
    assert done.exit_code == 0 and (folder / "a.json").is_file()
    assert "' Paris' at position 4" in done.output
    several = see("hf:small", "Lyon is", "is", "-m", "saliency", "-t", " Paris>Paris", "-o", "b.json")
    assert several.exit_code == 0, several.output


def test_words_that_are_no_token(language):
    done = see("hf:small", "Lyon is", "-m", "saliency", "-t", "Parisi")
    assert done.exit_code == 2 and "2 tokens of this model: 'Paris', 'i'" in done.output and "nearest" in done.output


def test_layers_of_a_language_model(language):
    done = CliRunner().invoke(main, ["layers", "hf:small", "Lyon is"])
    assert done.exit_code == 0 and "model.layers.1.self_attn" in done.output and "1 x 5 x 16" in done.output


def test_what_to_try_is_typed_as_here(language):
    wrong = see("hf:small", "Lyon is", "-m", "activation_maps:layer=layers.9")
    assert "pellucid layers hf:small 'Lyon is'" in wrong.output
    nothing = see("hf:small", "Lyon is", "-m", "saliency", "-t", "generated:0")
    assert "-t generated:5" in nothing.output and "pl.generated" not in nothing.output
    other = see("hf:small", "Lyon is", "-m", "attention_weights:layer=*mlp")
    assert other.exit_code == 1 and "try       pellucid layers hf:small 'Lyon is' lists PATH" in other.output
    bare = see("hf:small", "-m", "saliency")
    assert bare.exit_code == 2 and "pellucid see hf:small INPUT" in bare.output


def test_the_tour_says_what_is_wrong_first(folder):
    (folder / "dead.py").write_text(
        NETS + "\n\nclass Dead(Net):\n    def __init__(self):\n        super().__init__()\n"
        "        nn.init.constant_(self.conv1.bias, -99.0)\n"
    )
    seen = see("dead.py:Dead", X, "-o", "x.html")
    assert seen.exit_code == 0, seen.output
    assert re.search(r"^\[high\] Dead units · \S+: 100% of", seen.stdout, re.MULTILINE)
    assert re.search(r"\d+ checks found nothing wrong; \d+ were not made", seen.stdout)
    page = (folder / "x.html").read_text(encoding="utf-8")
    assert '<span class="number">1</span> Findings</h2>' in page and "3 high" in page
    assert "[high]" not in see("dead.py:Dead", X, "-m", "saliency", "-o", "y.html").stdout
    assert "Findings" not in (folder / "y.html").read_text(encoding="utf-8")


def test_a_training_is_shown_and_checked(folder):
    net = nn.Linear(5, 2)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    with pl.Lens(net).watch(optimizer, every=1, folder=folder / "run") as run:
        for step in range(24):
            net(torch.ones(2, 5)).sum().backward()
            run.log(loss=1 / (1 + step), val_loss=1 + abs(step - 4))
            optimizer.step()
            optimizer.zero_grad()
    seen = see("nets.py:rows", "random:2x5", "--run", "run", "-o", "x.html")
    assert seen.exit_code == 0 and "Over-fitting · the training" in seen.stdout, seen.output
    page = (folder / "x.html").read_text(encoding="utf-8")
    assert "Training</h2>" in page and "val_loss" in page
    assert see("nets.py:rows", "random:2x5", "--run", "no").exit_code == 2


def test_what_could_not_be_made_is_told_in_chinese():
    seen = see("nets.py:Net", X, "--lang", "zh", "-m", "attention_weights", "-m", "attention_rollout", "-o", "x.html")
    assert seen.exit_code == 1 and "未能生成：attention_weights、attention_rollout：此网络没有" in seen.output
    assert "  可以尝试  请指定一个层；pellucid layers nets.py:Net random:1x3x10x10 列出各层" in seen.output
