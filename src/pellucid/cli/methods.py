"""`pellucid methods`: which visualization answers which question, and everything about one."""

import inspect
import re
from typing import Any

import click

from pellucid.cli.guard import OK, guarded
from pellucid.cli.screen import Screen
from pellucid.core.text import Text

_HELP = """List all visualizations with the question that each answers, or tell everything about one.

\b
Examples:
    pellucid methods
    pellucid methods grad_cam
    pellucid methods grad_cam --lang zh
"""
FAMILIES = {
    "activation": Text("Activations: what layers answer", "激活：各层的响应"),
    "decision": Text("Decisions: which inputs matter", "决策：哪些输入起作用"),
    "feature": Text("Features: what units look for", "特征：单元在寻找什么"),
    "attention": Text("Attention: who looks at whom", "注意力：谁关注谁"),
    "gradient": Text("Gradients: what training would change", "梯度：训练会改变什么"),
    "structure": Text("Structure: what the network is", "结构：网络是什么"),
    "judge": Text("Judges: how far to trust a picture", "评判：图像有多可信"),
    "outside": Text("From other packages", "来自其他软件包"),
}


@click.command("methods", help=_HELP, short_help="List the visualizations; explain one.")
@click.argument("name", required=False)
@guarded
def methods(screen: Screen, *, name: str | None) -> int:
    """Print the list, or one."""
    from pellucid.registry import find, names

    if name is not None:
        explain(screen, find(name))
        return OK
    specs = [find(one) for one in names()]
    for family, title in FAMILIES.items():
        rows = [(spec.name, spec.words.question.say(screen.lang)) for spec in specs if spec.family == family]
        if rows:
            screen.table(rows, (Text(""), Text("")), title=title)
            screen.say("")
    screen.say(
        Text(
            "pellucid methods NAME tells everything about one; pellucid see MODEL INPUT -m NAME makes it.",
            "pellucid methods NAME 查看某一方法的全部说明；pellucid see MODEL INPUT -m NAME 生成图像。",
        )
    )
    return OK


def explain(screen: Screen, spec: Any) -> None:
    """Everything that is known of one method."""
    words = spec.words
    screen.say(f"{spec.name}: {words.title.say(screen.lang)}", "bold")
    screen.say("")
    parts = [
        (Text("question", "问题"), words.question),
        (Text("shows", "展示"), words.shows),
        (Text("cannot tell", "不能说明"), words.cannot),
        (Text("check", "验证"), words.check),
        (Text("needs", "适用"), spec.needs),
        (Text("steps", "步骤"), words.steps),
        (Text("formula", "公式"), Text(words.formula)),
        (Text("paper", "文献"), Text(words.paper)),
    ]
    screen.table(
        [(name.say(screen.lang), said.say(screen.lang)) for name, said in parts if said.en],
        (Text(""), Text("")),
        width=12,
    )
    screen.say("")
    if spec.settings:
        said = descriptions(spec.doc)
        rows = [(name, setting(parameter, said.get(name, ""))) for name, parameter in spec.settings.items()]
        screen.table(rows, (Text(""), Text("")), title=Text("Settings", "设置"), width=12)
        screen.say("")
    given = f" {sample(spec)}" if "x" in spec.given else ""
    screen.say(Text("Try:", "试一试："), "bold")
    if "run" in spec.given:
        screen.say("    pellucid watch RUN -o report.html")
        screen.say(f"    run.see(pl.{spec.name}())")
    if "run" in spec.required:
        return
    model = "demo" if given.endswith(".jpg") or not given else "hf:DIR"
    swept = "data" in spec.required
    over_data, over_input = "sweep demo --data folder:photos", f"see {model}{given}"
    screen.say(f"    pellucid {over_data if swept else over_input} -m {example(spec)}")
    if "data" in spec.given and not swept:
        screen.say(f"    pellucid {over_data} -m {example(spec)}")
    screen.say(f"    pl.{spec.name}()(model{', data' if swept else ', x' if given else ''})")


def setting(parameter: inspect.Parameter, said: str) -> str:
    """Kind, default and meaning of a setting."""
    from pellucid.cli.asked import kind

    default = getattr(parameter.default, "__name__", None) or spelled(parameter.default)
    return f"{kind(parameter.annotation)}; default {default}." + (f" {capital(said)}" if said else "")


def capital(said: str) -> str:
    """A sentence; a Greek letter at its head is a symbol and stays."""
    return said[:1].upper() + said[1:] if said[:1].isascii() else said


def spelled(default: Any) -> str:
    """A default as it is typed after `-m`."""
    if isinstance(default, bool) or default is None:
        return str(default).lower()
    return f"({','.join(map(str, default))})" if isinstance(default, tuple) else str(default)


def sample(spec: Any) -> str:
    """An input that shows what the method can do: a text where a transformer is needed, else a picture."""
    transformer = spec.family == "attention" or "one residual stream" in spec.needs.en
    return '"a text"' if transformer else "cat.jpg"


def example(spec: Any) -> str:
    """What stands after `-m`: the method, with its first setting where that can be typed."""
    for name, parameter in spec.settings.items():
        if isinstance(parameter.default, str | int | float):
            return f'"{spec.name}:{name}={spelled(parameter.default)}"'
    return spec.name


def descriptions(doc: str) -> dict[str, str]:
    """What the `Args:` of a docstring say of each name."""
    section = re.search(r"^Args:\n((?:[ \t]+.*\n?|\n)+)", doc, re.MULTILINE)
    found: dict[str, str] = {}
    for names, said in re.findall(
        r"^ {4}([\w, ]+): ((?:.*\n?)(?:^ {8,}.*\n?)*)", section.group(1) if section else "", re.MULTILINE
    ):
        found.update(dict.fromkeys(names.split(", "), " ".join(said.split())))
    return found
