"""What to try after an error, as it is typed on the command line rather than in Python."""

import re
import shlex
from collections.abc import Sequence
from typing import Any

from pellucid.core.errors import BadInput, BadTarget, LayerNotFound, ModelFailed, NotApplicable, PellucidError
from pellucid.core.text import Text

SHOWS = Text(
    "-m flow_graph draws everything that ran before it; --debug shows the traceback",
    "-m flow_graph 画出在此之前运行的一切；--debug 显示错误回溯",
)
PREPROCESS = Text(
    "--preprocess imagenet (or cifar10, efficientnet_lite), or a file of tensors",
    "--preprocess imagenet（或 cifar10、efficientnet_lite），或张量文件",
)
NO_TOKENIZER = Text(
    "the folder has no tokenizer: tokenizer.save_pretrained(DIR) adds it; or token numbers as x.npy",
    "该文件夹没有分词器：tokenizer.save_pretrained(DIR) 可加入；或以 x.npy 给出词元编号",
)
NO_READER = Text(
    "hf:DIR opens a model with its tokenizer; or token numbers as x.npy",
    "hf:DIR 打开带分词器的模型；或以 x.npy 给出词元编号",
)
NO_TEXT = Text("the model takes pictures: pellucid see MODEL cat.jpg", "该模型接受图片：pellucid see MODEL cat.jpg")
DREW = Text(
    "the flow graph shows everything that ran before it; --debug shows the traceback",
    "数据流图显示在此之前运行的一切；--debug 显示错误回溯",
)


def in_words_of_failures(seen: Any, model: str, inputs: Sequence[str]) -> None:
    """What to try where a picture could not be made, as it is typed here."""
    for one in seen.failures:
        if isinstance(one.error, NotApplicable):
            one.error.hint = one.error.advice.changed(lambda hint: typed(hint, model, inputs))


def in_words_of_the_command(error: PellucidError, model: str, inputs: Sequence[str], *, stated: bool) -> None:
    """What to try, as it is typed here rather than in Python."""
    if isinstance(error, ModelFailed):
        error.hint = SHOWS
    elif isinstance(error, LayerNotFound):
        error.hint = shlex.join(("pellucid", "layers", model, *inputs[:1]))
    elif isinstance(error, BadTarget):
        error.hint = error.advice.changed(lambda hint: hint.replace("pl.generated(' …')", "-t 'generated: …'"))
    elif "looks at a data set" in error.what:
        error.hint = f"pellucid sweep {model} --data folder:DIR -m {error.what.split()[0]}"
    elif isinstance(error, BadInput) and not inputs and "needs an input" in error.what:
        error.hint = Text(
            f"pellucid see {model} INPUT: a picture, a text, tensors", f"pellucid see {model} INPUT：图片、文本或张量"
        )
    elif isinstance(error, BadInput) and inputs:
        error.asked_by = " ".join(inputs[:3])
        if "without a tokenizer" in error.what:
            error.hint = NO_TEXT if stated else NO_TOKENIZER if model.startswith("hf:") else NO_READER
        elif "compares pictures with texts" in error.what:
            command = f'pellucid see {model} "a cat" "a dog" cat.jpg'
            error.hint = Text(f"{command}: each text is a class", f"{command}：每段文本是一个类别")
        if not stated and "preprocess" in f"{error.what} {error.hint}":
            error.what, error.hint = (
                Text(
                    f"From the picture '{inputs[0]}' to the model's input: the way is not known.",
                    f"不知道如何由图片 '{inputs[0]}' 得到模型的输入。",
                ),
                PREPROCESS,
            )


def typed(hint: str, model: str, inputs: Sequence[str]) -> str:
    """A hint that names the list of layers, as it is typed here."""
    return re.sub(r"lens\.layers\(x?\)", lambda _: shlex.join(("pellucid", "layers", model, *inputs[:1])), hint)
