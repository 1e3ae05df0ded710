"""The page that says what `diagnose` looks for, from the checks' own words, and what it says of one network."""

from typing import Any, Literal

from docs.truths import tabled
from pellucid.core.text import Text
from pellucid.diagnose.check import Check, checks
from pellucid.diagnose.findings import NEEDED

Lang = Literal["en", "zh"]
TITLE = Text("What is wrong with it?", "哪里出了问题？")
LEAD = Text(
    "`lens.diagnose(x)` looks for {count} faults of a network, its input or its training, all of them in a few passes. "
    "A fault has a place, numbers that show it, the reason why it matters, and something to try. Causes stand before "
    "what follows from them. A check that lacks what it needs is listed as not made, never as passed.",
    "`lens.diagnose(x)` 用寥寥几次计算检查网络、输入和训练中的 {count} 种问题。每个问题都给出位置、作为证据的数值、"
    "为何要紧以及可以尝试的办法。原因排在后果之前。缺少所需信息的检查列为“未进行”，绝不算作通过。",
)
SAYS = Text("It says:", "输出：")
ASKED = Text(
    "More is found with more: `labels=` for calibration, `data=` instead of examples, `run=` for what only a training "
    'shows (see [Gradients that vanish](training.md)). `found.save("findings.html")` writes a report with the '
    "evidence; on the command line it is `pellucid diagnose MODEL INPUT... -o findings.html`.",
    "给得越多，查得越多：`labels=` 用于校准，`data=` 代替样本，`run=` 提供只有训练过程才能显示的信息"
    '（见[消失的梯度](training.md)）。`found.save("findings.html")` 写出带证据的报告；命令行为 '
    "`pellucid diagnose MODEL INPUT... -o findings.html`。",
)
SURE = Text(
    "How often a planted fault is named first, and what healthy networks raise: [Measured](measured.md).",
    "植入的问题有多少被首先指出、健康的网络会引出什么：见 [Measured](measured.md)（英文）。",
)
HEAD = (Text("what is looked for", "检查什么"), Text("why it matters", "为何要紧"), Text("what to try", "可以尝试"))
NEEDS, ALWAYS = Text("Needs {what}", "需要{what}"), Text("Needs the network alone", "只需要网络本身")
EXAMPLE = """import torch
from torch import nn

import pellucid as pl

torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 28 * 28, 10)
)
nn.init.constant_(model[0].bias, -60.0)  # the fault
found = pl.Lens(model).diagnose(torch.randn(16, 3, 32, 32))
"""


def page(lang: Lang) -> str:
    """An example with what is said of it, then every check, by what it needs."""
    named: dict[str, Any] = {}
    exec(compile(EXAMPLE, "example", "exec"), named)  # noqa: S102 - the text above
    parts = [f"# {TITLE.say(lang)}", LEAD.say(lang).format(count=len(checks()))]
    parts += [f"```python\n{EXAMPLE}print(found.describe({'' if lang == 'en' else repr(lang)}))\n```", SAYS.say(lang)]
    parts += [f"```text\n{named['found'].describe(lang)}\n```", ASKED.say(lang), SURE.say(lang)]
    for needs, members in grouped().items():
        what = (" and " if lang == "en" else "、").join(NEEDED[name].say(lang) for name in needs)
        parts.append(f"## {(NEEDS if needs else ALWAYS).say(lang).format(what=what)}")
        rows = [[f"{one.title.say(lang)}<br>`{one.name}`", one.why.say(lang), one.advice.say(lang)] for one in members]
        parts.append(tabled([[one.say(lang) for one in HEAD], ["---"] * len(HEAD), *rows]))
    return "\n\n".join(parts) + "\n"


def grouped() -> dict[tuple[str, ...], list[Check]]:
    """Checks by what they cannot do without, beside the network; an input stands for its target."""
    found: dict[tuple[str, ...], list[Check]] = {}
    for one in checks():
        needs = {"x" if name == "target" else name for name in one.needs} - {"lens"}
        found.setdefault(tuple(name for name in NEEDED if name in needs), []).append(one)
    return dict(sorted(found.items(), key=lambda pair: (len(pair[0]), [list(NEEDED).index(one) for one in pair[0]])))
