"""What the documents say is true of this repository and of nobody's machine."""

import re

import pytest

from tests.architecture.source import ROOT

SUFFIXES = {".md", ".py", ".pyi", ".toml", ".txt", ".yml", ".yaml", ".json", ".html", ".css", ".js", ".cfg"}
PLACES = ("*", ".ci/*", "src/**/*", "docs/**/*", "examples/**/*", "benchmarks/**/*", "tools/**/*", "tests/**/*")
# The sites that documents may point to: papers, sources of data, standards.
HOSTS = {
    "arxiv.org",
    "doi.org",
    "commons.wikimedia.org",
    "www.apache.org",
    "keepachangelog.com",
    "semver.org",
    "creativecommons.org",
    "www.w3.org",
    "example.org",
    "www.cs.toronto.edu",
    "pytorch.org",
    "docs.python.org",
}
MACHINE_PATH = re.compile(r"(?<![\w.$}~-])/(?:work|root|home|Users|tmp)/[\w.]")
URL = re.compile(r"https?://([\w.-]+)")


def document(name):
    return (ROOT / name).read_text(encoding="utf-8")


def texts():
    paths = {
        path
        for place in PLACES
        for path in ROOT.glob(place)
        if path.is_file() and (path.suffix in SUFFIXES or path.name in {"Makefile", "run"})
    }
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in sorted(paths)}


def test_no_path_of_a_machine():
    found = {name: MACHINE_PATH.findall(text) for name, text in texts().items() if MACHINE_PATH.search(text)}
    assert not found


def test_no_host_but_the_known_ones():
    found = {
        name: sorted(set(URL.findall(text)) - HOSTS) for name, text in texts().items() if not name.startswith("tests/")
    }  # tests make addresses up
    assert not {name: hosts for name, hosts in found.items() if hosts}


def test_the_patterns_see_what_they_forbid():
    assert MACHINE_PATH.search("see /" + "home/me/x") and MACHINE_PATH.search("'/" + "tmp/x'")
    assert not MACHINE_PATH.search("src/work/x") and not MACHINE_PATH.search("DIR/tmp/x")
    assert URL.findall("at http" + "://mirror.local/simple") == ["mirror.local"]


def test_the_change_log_is_kept():
    assert re.search(r"^## \[?Unreleased\]?\n+### \w+\n+- ", document("CHANGELOG.md"), re.MULTILINE)


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_readme_names_every_target_of_make(name):
    readme = document(name)
    targets = re.findall(r"^([a-z]+):.*##", document("Makefile"), re.MULTILINE)
    assert {"demo", "test", "check", "lint"} <= set(targets)
    assert not [target for target in targets if target not in {"help", "clean"} and f"make {target}" not in readme]


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md", "CONTRIBUTING.md", "docs/design.md"])
def test_links_lead_somewhere(name):
    path = ROOT / name
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", path.read_text(encoding="utf-8"))
    assert not [link for link in links if not (path.parent / link).exists()]


def test_both_readmes_name_the_same_methods():
    english, chinese = (
        set(re.findall(r"^\| [^|]+ \| `(\w+)`", document(name), re.MULTILINE))
        for name in ("README.md", "README.zh-CN.md")
    )
    assert english == chinese
    assert english == {path.stem for path in (ROOT / "examples" / "methods").glob("*.py")}
