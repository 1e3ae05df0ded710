"""The pages of the documentation say what the methods say, their links lead to pages, and their code runs."""

import posixpath
import re

import pytest
import torch

from docs import truths
from docs.build import DOCUMENTS, LANGUAGES, ROOT, WRITTEN, Page, arguments, document, index, listed
from pellucid import registry
from pellucid.core import errors
from tests.properties.cannot import CANNOT, QUESTIONS

DOCSTRING = """What.

Args:
    layer: where,
        and more.
    low, high: bounds: both.
Returns:
    All: of it.
"""
PAGES = sorted(path.relative_to(WRITTEN).as_posix() for path in WRITTEN.rglob("*.md"))


@pytest.fixture(scope="module")
def specs():
    return [registry.find(name) for name in registry.names()]


def blocks(text):
    """The Python of a page, in order."""
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def run(text, tmp_path, monkeypatch):
    """Run all Python of a page in one go; gives what it defined."""
    monkeypatch.chdir(tmp_path)
    named = {"__name__": "page"}
    for block in blocks(text):
        exec(compile(block, "page", "exec"), named)
    return named


@pytest.mark.parametrize("lang", LANGUAGES)
def test_page_carries_every_word_of_its_method(specs, lang):
    assert specs
    for spec in specs:
        text, words = Page(spec, lang).text, spec.words
        for said in (words.title, words.question, words.shows, words.cannot, words.check, spec.needs):
            assert said.say(lang) and said.say(lang) in text
        assert words.steps.say(lang) and listed(words.steps.say(lang)) in text
        assert words.paper and words.paper in text
        assert words.formula and words.formula in text
        assert all(f"| `{name}` |" in text for name in spec.settings)
        assert f"pl.{spec.name}(" in text, "its example"


def test_chinese_pages_are_not_the_english_ones(specs):
    for spec in specs:
        words = spec.words
        for said in (words.question, words.shows, words.cannot, words.check, words.steps, spec.needs):
            assert re.search(r"[\u4e00-\u9fff]", said.zh), spec.name


def test_every_setting_is_explained(specs):
    for spec in specs:
        assert set(spec.settings) <= set(arguments(spec.doc)), spec.name


@pytest.mark.parametrize("lang", LANGUAGES)
def test_index_leads_to_every_page(specs, lang):
    text = index(specs, lang)
    assert all(f"]({spec.name}.md)" in text and spec.words.question.say(lang) in text for spec in specs)


def test_arguments_are_read_from_a_docstring():
    assert arguments(DOCSTRING) == {"layer": "where, and more.", "low": "bounds: both.", "high": "bounds: both."}
    assert arguments("What.") == {}


def test_steps_become_a_list():
    assert listed("1. Run. 2. Take 1.5 of it. 10. Draw.") == "1. Run.\n2. Take 1.5 of it.\n10. Draw."
    assert listed("1. 前向传播。2. 作图。") == "1. 前向传播。\n2. 作图。"
    assert listed("No numbers.") == "No numbers."


def sites(specs):
    """Every page of the site but the pictures, by path."""
    up = ("", "zh/")
    return {
        *DOCUMENTS.values(),
        *PAGES,
        *(f"{folder}{page}" for folder in up for page in ("methods/index.md", "truths.md", "faults.md")),
        *(f"{folder}methods/{spec.name}.md" for folder in up for spec in specs),
    }


@pytest.mark.parametrize("page", [*DOCUMENTS, *PAGES])
def test_links_lead_to_pages(specs, page):
    text = document(page) if page in DOCUMENTS else (WRITTEN / page).read_text(encoding="utf-8")
    folder = posixpath.dirname(DOCUMENTS.get(page, page))
    links = [
        posixpath.normpath(posixpath.join(folder, link)) for link in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
    ]
    assert not [link for link in links if link not in sites(specs) and not link.startswith("images/")]
    for link in re.findall(r'(?:src|srcset)="([^"]+)"', text):
        assert (ROOT / "docs" / posixpath.normpath(posixpath.join(folder, link))).is_file()


def test_both_languages_have_the_same_pages_and_code():
    english = {page for page in PAGES if not page.startswith("zh/")}
    assert {f"zh/{page}" for page in english} == set(PAGES) - english
    for page in english:
        one, other = ((WRITTEN / path).read_text(encoding="utf-8") for path in (page, f"zh/{page}"))
        assert one.count("\n## ") == other.count("\n## ") and one.count("\n| ") == other.count("\n| ")
        assert len(blocks(one)) == len(blocks(other))


@pytest.mark.parametrize("page", ["troubleshooting.md", "zh/troubleshooting.md"])
def test_every_error_has_its_section(page):
    text = (WRITTEN / page).read_text(encoding="utf-8")
    names = {
        name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, errors.PellucidError)
    }
    assert set(re.findall(r"^## (\w+)", text, re.MULTILINE)) == names - {"PellucidError"}


def test_the_texts_of_errors_are_those_of_the_source():
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    rows = re.findall(
        r"^\| (?!text|---)(.+?) \|", (WRITTEN / "troubleshooting.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    astray = [
        row
        for row in rows
        if not any(len(part.strip(" :,")) > 5 and part.strip(" :,") in source for part in re.split(r"…|\d+", row))
    ]
    assert rows and not astray


@pytest.mark.parametrize("page", ["articles.md", "zh/articles.md"])
def test_the_corrected_examples_run(page, tmp_path, monkeypatch, capsys):
    from examples.cifar10_lenet import Net

    torch.save(Net().state_dict(), tmp_path / "model.pth")
    run((WRITTEN / page).read_text(encoding="utf-8"), tmp_path, monkeypatch)
    assert (tmp_path / "report.html").is_file() and "'max_pool2d'" in capsys.readouterr().out


def test_the_worked_method_runs(tmp_path, monkeypatch, capsys):
    named = run((WRITTEN / "add_a_method.md").read_text(encoding="utf-8"), tmp_path, monkeypatch)
    result, table = named["result"], named["table"]
    assert len(table.rows) == 4 and all(row["spread"] > 0 for row in table.rows) and table.facts["samples"] == 100
    assert (result.values >= 0).all() and result.values.any() and "class" in capsys.readouterr().out


def test_the_quick_start_runs_as_printed(tmp_path, monkeypatch, capsys):
    run((ROOT / "README.md").read_text(encoding="utf-8"), tmp_path, monkeypatch)
    assert (tmp_path / "report.html").stat().st_size > 100_000 and "koala" in capsys.readouterr().out


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_a_method_misses_stands_on_its_page_and_in_the_table(specs, lang):
    text = truths.page(specs, lang)
    assert all(f"`{spec.name}`" in text for spec in truths.tested(specs))
    for key, reasons in CANNOT.items():
        for name, reason in reasons.items():
            assert reason.say(lang) in text and QUESTIONS[key].say(lang) in Page(registry.find(name), lang).text
