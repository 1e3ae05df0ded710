"""The page that says which method gives the right picture where it is known, from the list that the tests hold to."""

from collections.abc import Mapping
from typing import Literal, get_type_hints

from pellucid.core.text import Text
from pellucid.registry import MethodSpec
from tests.properties.cannot import CANNOT, QUESTIONS

Lang = Literal["en", "zh"]
TITLE = Text("What each method gets right", "每种方法能答对什么")
LEAD = Text(
    "On small networks whose right picture is known, every method that attributes the answer is tested. ✓: it gives "
    "that picture. ✗: it does not, and a test makes sure that the reason below still holds.",
    "在正确图像已知的小网络上，检验每一种归因方法。✓：给出正确图像。✗：不能给出，原因见下，且由测试保证该原因仍然成立。",
)
METHOD, REASON = Text("method", "方法"), Text("why not", "为何不能")


def tested(specs: list[MethodSpec]) -> list[MethodSpec]:
    """Those that attribute, which the ground-truth tests look at."""
    return [spec for spec in specs if spec.family in ("activation", "decision") and _attributes(spec)]


def _attributes(spec: MethodSpec) -> bool:
    return "Attribution" in str(get_type_hints(spec.function)["return"])


def page(specs: list[MethodSpec], lang: Lang) -> str:
    """A table of methods and questions, then the reasons by question."""
    keys = list(QUESTIONS)
    head = [[METHOD.say(lang), *(str(i + 1) for i in range(len(keys)))], ["---"] * (len(keys) + 1)]
    rows = [
        [f"[`{one.name}`](methods/{one.name}.md)", *(_mark(one.name, key) for key in keys)] for one in tested(specs)
    ]
    numbered = "\n".join(f"{i + 1}. {QUESTIONS[key].say(lang)}" for i, key in enumerate(keys))
    parts = [f"# {TITLE.say(lang)}", LEAD.say(lang), numbered, tabled([*head, *rows])]
    for i, key in enumerate(keys):
        if CANNOT.get(key):
            reasons = [[said(names), reason] for reason, names in shared(CANNOT[key], lang).items()]
            parts.append(f"## {i + 1}. {QUESTIONS[key].say(lang)}")
            parts.append(tabled([[METHOD.say(lang), REASON.say(lang)], ["---"] * 2, *reasons]))
    return "\n\n".join(parts) + "\n"


def missed(name: str, lang: Lang) -> str:
    """What a method cannot give, as a list for its own page; empty where there is nothing."""
    own = {key: reasons[name] for key, reasons in CANNOT.items() if name in reasons}
    return "\n".join(
        "- " + "<br>".join([*(f"**{QUESTIONS[key].say(lang)}**" for key in keys), reason])
        for reason, keys in shared(own, lang).items()
    )


def shared(reasons: Mapping[str, Text], lang: Lang) -> dict[str, list[str]]:
    """What has a reason, by reason."""
    found: dict[str, list[str]] = {}
    for key, reason in reasons.items():
        found.setdefault(reason.say(lang), []).append(key)
    return found


def said(names: list[str]) -> str:
    """Names of methods that may stand in several lines."""
    return " ".join(f"`{name}`" for name in names)


def _mark(name: str, key: str) -> str:
    return '<span class="missed">✗</span>' if name in CANNOT.get(key, {}) else "✓"


def tabled(rows: list[list[str]]) -> str:
    """Rows as Markdown, the first is the head."""
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
