"""The pages that say which transformers were tried and what works on each, as `tools/architectures.py` measured it."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pellucid.core.text import Text
from pellucid.registry import find

Lang = Literal["en", "zh"]
FOLDER = Path(__file__).parent
DATA = FOLDER / "architectures.json"
PAGES: dict[Lang, Path] = {
    "en": FOLDER / "pages" / "architectures.md",
    "zh": FOLDER / "pages" / "zh" / "architectures.md",
}
TITLE = Text("Which transformers were tried", "试过哪些 Transformer")
LEAD = Text(
    "Nothing in pellucid knows these models by name: attention is recognised while the model runs, and the model is "
    "not changed. The tests look at every architecture of this list, with random weights, and both tables are written "
    "from what was measured (`python -m tools.architectures`). Models that are not in the list were not tried; what "
    "pellucid cannot do with one, it says.",
    "pellucid 不按名称识别这些模型：注意力在模型运行时被识别出来，模型本身不作任何改动。"
    "测试以随机权重检验此表中的每一种架构，两张表格都由实测结果生成（`python -m tools.architectures`）。"
    "不在表中的模型没有试过；若有做不到之处，pellucid 会说明。",
)
CAUGHT = Text("Attention is the model's own", "注意力与模型自身一致")
ERRORS = Text(
    "The largest error over all attentions of the model. *Fused*: attention runs in one fused kernel, which gives no "
    "probabilities; they are computed beside it. *Written out*: with a softmax in Python. For models of transformers "
    "it is the largest difference from the probabilities that the eager model returns with `output_attentions`; for "
    "timm and torchvision it is how far probabilities times values are from what the model itself went on with, as a "
    "share of its largest value. –: the library does not offer this way.",
    "模型所有注意力中的最大误差。“融合”：注意力在一个融合内核中完成，内核不给出概率，概率在其旁另行计算。"
    "“展开”：用 Python 中的 softmax 写出。"
    "对 transformers 的模型，误差是与 eager 模型以 `output_attentions` 返回的概率之间的最大差；"
    "对 timm 与 torchvision，误差是概率乘以值与模型自身所用结果之差，以其最大值为单位。–：该库没有这种写法。",
)
GIVEN = Text("Which pictures there are", "能得到哪些图像")
PICTURES = Text(
    "✓: the method gives a picture. Otherwise it refuses, and says why in a sentence; the table has a word for it, and "
    "what the words mean stands below. Where some attentions of a model are not between tokens, `attention_weights` "
    "draws the others and says how many it left out.",
    "✓：该方法给出图像。否则方法会拒绝，并用一句话说明原因；表中只列一个词，各词的含义见表下。"
    "若模型中有些注意力不在词元之间，`attention_weights` 只画其余的，并说明略去了多少处。",
)
ARCHITECTURE, KINDS = Text("architecture", "架构"), Text("attentions", "注意力")
FUSED, WRITTEN = Text("fused", "融合"), Text("written out", "展开")
WORD, MEANING = Text("word", "词"), Text("meaning", "含义")
KIND = {
    "self": Text("self", "自注意力"),
    "cross": Text("cross", "交叉注意力"),
    "windowed": Text("windowed", "窗口注意力"),
    "channel": Text("between channels", "通道注意力"),
    "mixed": Text("heads mixed", "混合各头"),
}
# key: what the refusal says, the word in the table, what it means
REASONS: dict[str, tuple[str, Text, Text]] = {
    "windows": (
        r"is windowed attention",
        Text("windows", "窗口"),
        Text(
            "Each token sees its window only, and the next layer has other windows: layers do not compose.",
            "每个词元只看到自己的窗口，下一层的窗口又不同：各层无法复合。",
        ),
    ),
    "channels": (
        r"is channel attention",
        Text("channels", "通道"),
        Text("Some layers weigh features, not tokens.", "部分层加权的是特征而非词元。"),
    ),
    "mixed": (
        r"is mixed attention",
        Text("mixed heads", "混合各头"),
        Text(
            "Heads are mixed after the softmax, so rows are no shares any more.",
            "softmax 之后各头被混合，每行不再是份额。",
        ),
    ),
    "maps": (
        r"takes no single rows",
        Text("maps", "特征图"),
        Text("The residual stream is a map, not a sequence of tokens.", "残差流是特征图，不是词元序列。"),
    ),
    "sequences": (
        r"is cross attention|reads '",
        Text("sequences", "两序列"),
        Text("Queries and keys come from different sequences.", "查询与键来自不同的序列。"),
    ),
    "lengths": (
        r"tokens with",
        Text("lengths", "长度"),
        Text(
            "The tokens differ between layers: they are pooled or merged, or encoder and decoder have their own.",
            "各层的词元并不相同：被池化或合并，或编码器与解码器各有自己的词元。",
        ),
    ),
    "post-norm": (
        r"post-norm",
        Text("post-norm", "post-norm"),
        Text(
            "Blocks end in a norm, so what flows between them is no sum of what was written.",
            "每块以归一化结束，块间流动的不再是各次写入之和。",
        ),
    ),
    "no head": (
        r"output is the residual stream",
        Text("no head", "无分类头"),
        Text(
            "The model gives an embedding; nothing reads scores off it.", "模型输出的是嵌入，没有从中读出得分的部分。"
        ),
    ),
    "bent": (
        r"is bent by",
        Text("no stream", "无残差流"),
        Text(
            "Between blocks something stands that is no sum: a convolution, another arrangement of the tokens.",
            "块与块之间有非求和的操作：卷积，或词元的重新排列。",
        ),
    ),
    "norms": (
        r"stand \d+ norms",
        Text("norms", "多重归一化"),
        Text(
            "More than one norm stands between the stream and the scores, so no single scale can be held.",
            "残差流与得分之间有多个归一化，无法固定单一的尺度。",
        ),
    ),
    "fault": (
        r" raised \w+:",
        Text("fault", "故障"),
        Text("A fault of pellucid's that is known.", "pellucid 的已知故障。"),
    ),
    "refused": (
        r"",
        Text("refused", "拒绝"),
        Text("The look says why.", "查看时会说明原因。"),
    ),
}


def word_of(reason: str) -> str:
    """The key of `REASONS` for what a refusal says."""
    return next(key for key, (pattern, _, _) in REASONS.items() if re.search(pattern, reason))


def standing() -> list[dict[str, Any]]:
    """What was measured last, a row for each architecture."""
    return json.loads(DATA.read_text(encoding="utf-8"))


def page(rows: Sequence[Mapping[str, Any]], lang: Lang) -> str:
    """The page in one language."""
    methods = list(rows[0]["pictures"])
    used = {word for row in rows for word in row["pictures"].values() if word}
    words = [[word.say(lang), meaning.say(lang)] for key, (_, word, meaning) in REASONS.items() if key in used]
    numbered = "\n".join(
        f"{i + 1}. [{find(one).words.title.say(lang)}](methods/{one}.md) `{one}`" for i, one in enumerate(methods)
    )
    heads = (ARCHITECTURE, KINDS, FUSED, WRITTEN)
    numbers = [str(i + 1) for i in range(len(methods))]
    parts = [
        f"# {TITLE.say(lang)}",
        LEAD.say(lang),
        f"## {CAUGHT.say(lang)}",
        ERRORS.say(lang),
        _table([one.say(lang) for one in heads], [_caught(row, lang) for row in rows]),
        f"## {GIVEN.say(lang)}",
        PICTURES.say(lang),
        numbered,
        _table([ARCHITECTURE.say(lang), *numbers], [_given(row, lang) for row in rows]),
        _table([WORD.say(lang), MEANING.say(lang)], words),
    ]
    return "\n\n".join(parts) + "\n"


def _caught(row: Mapping[str, Any], lang: Lang) -> list[str]:
    kinds = "<br>".join(f"{count} {KIND[kind].say(lang)}" for kind, count in row["kinds"].items())
    return [_called(row), kinds, _error(row["fused"]), _error(row["written"])]


def _given(row: Mapping[str, Any], lang: Lang) -> list[str]:
    marks = (REASONS[word][1].say(lang) if word else "✓" for word in row["pictures"].values())
    return [_called(row), *marks]


def _called(row: Mapping[str, Any]) -> str:
    return row["name"] if row["library"] == "transformers" else f"{row['library']} `{row['name']}`"


def _error(error: float | None) -> str:
    return "–" if error is None else "0" if error == 0 else f"{error:.0e}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])
