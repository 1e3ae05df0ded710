"""What to try, as it is typed on the command line."""

import re

import pytest
from click.testing import CliRunner

from pellucid.cli import main
from pellucid.cli.typed import in_words_of_the_command, typed
from pellucid.core.errors import BadInput, BadTarget, LayerNotFound
from pellucid.core.text import Text

NET = """from torch import nn

net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
"""
ENGLISH = re.compile(r"\b[a-z]{2,} [a-z]{2,} [a-z]{2,}\b")


def test_the_list_of_layers_is_a_command_here():
    assert (
        typed("lens.layers(x) lists what ran", "m.py:net", ["a b.png"])
        == "pellucid layers m.py:net 'a b.png' lists what ran"
    )


def test_what_is_typed_stands_in_both_languages():
    error = BadTarget("none", hint=Text("write pl.generated(' …')", "请写 pl.generated(' …')"))
    in_words_of_the_command(error, "m", ["x"], stated=True)
    assert (error.hint, error.advice.zh) == ("write -t 'generated: …'", "请写 -t 'generated: …'")
    unread = BadInput("A picture needs the model's preprocessing")
    in_words_of_the_command(unread, "m", ["cat.png"], stated=False)
    assert "cat.png" in unread.words.zh and unread.advice.zh.startswith("--preprocess imagenet（")
    lost = LayerNotFound("no layer", hint="lens.layers()")
    in_words_of_the_command(lost, "m", ["x"], stated=True)
    assert lost.helps("zh") == [("可以尝试", "pellucid layers m x")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nets.py:net", "random:1x3x8x8", "-t", "9"], "目标 9 超出范围"),
        (["nets.py:net", "random:1x3x8x8", "-t", "cat"], "没有名为 'cat' 的类别"),
        (["nets.py:net", "random:1x3x8x8", "-m", "grad_cm"], "没有名为 'grad_cm' 的可视化方法"),
        (["nets.py:net", "random:1x3x8x8", "-m", "grad_cam:layr=1"], "grad_cam 没有设置 'layr'"),
        (["nets.py:net", "random:1x3x8x8", "-m", "grad_cam:relu=7"], "grad_cam：relu='7' 有误，应为：True 或 False"),
        (["nets.py:net", "random:1x3x8x8", "-m", "grad_cam", "-l", "9"], "Sequential 没有层 '9'"),
        (["nets.py:net", "random:1x5x8x8", "-m", "saliency"], "模型在 '0' 处引发 RuntimeError"),
        (["nets.py:net", "random:3y8", "-m", "saliency"], "'random:3y8' 不是形状"),
        (["nets.py:net", "no.png"], "没有文件 'no.png'"),
        (["nets.py:nett", "random:1x3x8x8"], "'nets.py' 中没有 'nett'"),
        (["nets.txt", "random:1x3x8x8"], "'nets.txt' 不是模型的名称"),
        (["nets.py:net", "-w", "no.pth"], "没有文件 'no.pth'"),
        (["nets.py:net", "random:1x3x8x8", "-m", "attention_weights"], "没有识别出注意力"),
        (["nets.py:net", "random:1x3x8x8", "-o", "x.abc"], "无法写入 'x.abc'"),
    ],
)
def test_a_wrong_line_is_answered_in_chinese(words, said, tmp_path, monkeypatch):
    (tmp_path / "nets.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    seen = CliRunner().invoke(main, ["see", *words, "--lang", "zh"])
    told = seen.stderr + "".join(line for line in seen.stdout.splitlines(keepends=True) if "未能生成" in line)
    assert seen.exit_code in (1, 2, 3) and said in told
    kept = [line for line in told.splitlines() if "RuntimeError" not in line]  # the words of others stay as they are
    assert not ENGLISH.search("\n".join(kept).replace("pellucid layers", "")), told
