"""Write the pages of the documentation into build/docs: one per method in each language, from the method's own words.

`make docs` runs this, then mkdocs, which lays the pages out as a site. The pictures are those that the programs in
examples/methods make: each leaves its `result`, which is drawn here in both languages and themes.
"""

import re
import runpy
import shutil
import sys
from dataclasses import dataclass
from inspect import Parameter
from pathlib import Path
from typing import Literal, get_args

from docs import checks, truths
from pellucid import registry
from pellucid.registry import MethodSpec
from pellucid.render.report_words import FAMILIES

Lang = Literal["en", "zh"]
LANGUAGES: tuple[Lang, ...] = get_args(Lang)
THEMES = ("light", "dark")

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "build" / "docs"
WRITTEN = ROOT / "docs" / "pages"
PICTURES = PAGES / "images"
EXAMPLES = ROOT / "examples" / "methods"
HEADINGS = {
    "shows": ("What it shows", "它展示什么"),
    "cannot": ("What it cannot tell", "它不能说明什么"),
    "check": ("How to check it", "如何检验"),
    "missed": ("Known answers that it misses", "它答错的已知问题"),
    "formula": ("Formula", "公式"),
    "steps": ("How it is made", "计算步骤"),
    "needs": ("What it needs", "适用条件"),
    "settings": ("Settings", "设置"),
    "paper": ("Source", "出处"),
    "example": ("Example", "示例"),
    "methods": ("Methods", "方法"),
    "none": ("It has none.", "没有可调的设置。"),
    "setting": ("setting", "设置"),
    "default": ("default", "默认值"),
    "meaning": ("meaning", "含义（英文）"),
    "question": ("question", "问题"),
    "method": ("method", "方法"),
    "takes": ("needs", "适用条件"),
    "which": ("Which method for which question", "什么问题用什么方法"),
    "lead": (
        "Every method answers one question. Without one, `lens.see(x)` makes the tour: a few pictures of every family.",
        "每种方法回答一个问题。不指定方法时，`lens.see(x)` 会做一次导览：每个适用的类别各给出几张图。",
    ),
    "tried": (
        "[Which transformers were tried](../architectures.md), and what works on each.",
        "[试过哪些 Transformer](../architectures.md)，各自能得到哪些图像。",
    ),
}
# Where the documents of the repository stand in the site, and what their links become there.
DOCUMENTS = {
    "README.md": "index.md",
    "README.zh-CN.md": "zh/index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "docs/design.md": "design.md",
    "benchmarks/README.md": "measured.md",
}


def picture(name: str, lang: Lang, theme: str) -> str:
    """The file of a method's picture."""
    return f"{name}.{lang}.{theme}.png"


def word(key: str, lang: Lang) -> str:
    """A heading in one language."""
    return HEADINGS[key][lang == "zh"]


@dataclass(frozen=True)
class Page:
    """One method in one language."""

    spec: MethodSpec
    lang: Lang

    @property
    def path(self) -> str:
        """Where the page stands in the site."""
        return f"{'zh/' if self.lang == 'zh' else ''}methods/{self.spec.name}.md"

    @property
    def text(self) -> str:
        """The page."""
        words, up = self.spec.words, "../../" if self.lang == "zh" else "../"
        parts = [f"# {words.title.say(self.lang)}", f"`pl.{self.spec.name}` · **{words.question.say(self.lang)}**"]
        parts += [
            f"![{words.title.say(self.lang)}]({up}images/{picture(self.spec.name, self.lang, theme)}#only-{theme})"
            for theme in THEMES
            if (PICTURES / picture(self.spec.name, self.lang, theme)).is_file()
        ]
        parts += self.section("shows", words.shows.say(self.lang))
        parts += self.section("cannot", words.cannot.say(self.lang))
        parts += self.section("check", words.check.say(self.lang))
        parts += self.section("missed", truths.missed(self.spec.name, self.lang))
        parts += self.section("formula", words.formula and f"```text\n{words.formula}\n```")
        parts += self.section("steps", listed(words.steps.say(self.lang)))
        parts += self.section("needs", self.spec.needs.say(self.lang))
        parts += self.section("settings", self.settings)
        parts += self.section("example", self.example)
        parts += self.section("paper", words.paper)
        return "\n\n".join(parts) + "\n"

    def section(self, key: str, text: str) -> list[str]:
        """A heading and its text; nothing where there is no text."""
        return [f"## {word(key, self.lang)}", text] if text else []

    @property
    def settings(self) -> str:
        """A table of the settings."""
        if not self.spec.settings:
            return word("none", self.lang)
        meanings = arguments(self.spec.doc)
        head = [word(key, self.lang) for key in ("setting", "default", "meaning")]
        rows = [
            [f"`{name}`", default(parameter), meanings.get(name, "").replace("|", "\\|")]
            for name, parameter in self.spec.settings.items()
        ]
        return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * 3, *rows])

    @property
    def example(self) -> str:
        """The program that makes the picture."""
        path = EXAMPLES / f"{self.spec.name}.py"
        return f"```python\n{path.read_text(encoding='utf-8').strip()}\n```" if path.is_file() else ""


def listed(steps: str) -> str:
    """Steps written in a row, `1. … 2. …`, as a list."""
    return re.sub(r"(?:^|(?<=[.。；;]))\s*(\d{1,2}\.)\s*(?=[^\d\s])", r"\n\1 ", steps).strip()


def default(parameter: Parameter) -> str:
    """A default value as code."""
    value = parameter.default
    name = getattr(value, "__name__", None) or repr(value)
    return "" if value is Parameter.empty else f"`{name}`".replace("|", "\\|")


def arguments(docstring: str) -> dict[str, str]:
    """What the `Args` section of a docstring says of each argument."""
    section = re.search(r"^Args:\n((?:[ ]+.*\n?|\n)+)", docstring, re.MULTILINE)
    found: dict[str, str] = {}
    names: list[str] = []
    for line in section[1].splitlines() if section else ():
        entry = re.match(r" {4}(\w+(?:, \w+)*): (.*)", line)
        if entry:
            names = entry[1].split(", ")
            found.update(dict.fromkeys(names, entry[2]))
        elif line.strip():
            found.update({name: f"{found[name]} {line.strip()}" for name in names})
    return found


def document(name: str) -> str:
    """A document of the repository with its links turned to the pages of the site; others lose their link."""
    source, page = ROOT / name, PAGES / DOCUMENTS[name]

    def turned(link: re.Match[str]) -> str:
        target = (source.parent / link[2]).resolve()
        known = target.relative_to(ROOT).as_posix() if target.is_relative_to(ROOT) else ""
        if known in DOCUMENTS:
            up = "../" * (len(page.relative_to(PAGES).parts) - 1)
            return f"[{link[1]}]({up}{DOCUMENTS[known]})"
        return (
            f"[{link[1]}]({'../' if name.endswith('zh-CN.md') else ''}images/{target.name})"
            if target.suffix in {".png", ".svg"}
            else link[1]
        )

    text = source.read_text(encoding="utf-8").replace(
        '="docs/images/', f'="{"../" * (len(page.parent.relative_to(PAGES).parts))}images/'
    )
    return re.sub(r"\[([^\]]*)\]\((?!https?:|#)([^)#\s]+)\)", turned, text)


def index(specs: list[MethodSpec], lang: Lang) -> str:
    """Which method for which question, by family."""
    parts = [f"# {word('which', lang)}", word("lead", lang)]
    head = [word(key, lang) for key in ("question", "method", "takes")]
    for family, title in FAMILIES.items():
        rows = [
            [
                f"**{spec.words.question.say(lang)}**",
                f"[{spec.words.title.say(lang)}]({spec.name}.md)<br>`{spec.name}`",
                spec.needs.say(lang),
            ]
            for spec in specs
            if spec.family == family
        ]
        if rows:
            parts.append(f"## {title.say(lang)}")
            parts.append("\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * 3, *rows]))
            parts += [word("tried", lang)] if family == "attention" else []
    return "\n\n".join(parts) + "\n"


def draw(specs: list[MethodSpec]) -> None:
    """Run the example of every method, and draw its result in both languages and themes."""
    for spec in specs:
        path = EXAMPLES / f"{spec.name}.py"
        if path.is_file():
            print(f"examples/methods/{path.name}", flush=True)
            sys.argv = [str(path), "--out", str(PICTURES / picture(spec.name, "en", "light"))]
            result = runpy.run_path(str(path), run_name="__main__")["result"]
            for lang in LANGUAGES:
                for theme in THEMES:
                    result.save(PICTURES / picture(spec.name, lang, theme), lang=lang, theme=theme)


def write(path: str, text: str) -> None:
    """Write one page."""
    (PAGES / path).parent.mkdir(parents=True, exist_ok=True)
    (PAGES / path).write_text(text, encoding="utf-8")


def main() -> None:
    """Write every page and every picture."""
    specs = [registry.find(name) for name in registry.names()]
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.copytree(WRITTEN, PAGES)
    shutil.copytree(ROOT / "docs" / "images", PICTURES, dirs_exist_ok=True)
    draw(specs)
    for lang in LANGUAGES:
        for spec in specs:
            page = Page(spec, lang)
            write(page.path, page.text)
        write(f"{'zh/' if lang == 'zh' else ''}methods/index.md", index(specs, lang))
        write(f"{'zh/' if lang == 'zh' else ''}truths.md", truths.page(specs, lang))
        write(f"{'zh/' if lang == 'zh' else ''}faults.md", checks.page(lang))
    for name, path in DOCUMENTS.items():
        write(path, document(name))
    print(f"{2 * len(specs)} pages of methods in {PAGES.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
