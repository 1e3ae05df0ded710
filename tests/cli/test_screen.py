"""What is printed."""

from io import StringIO

from rich.console import Console

from pellucid.cli.screen import Screen, opening, shown, size
from pellucid.core.errors import BadInput
from pellucid.core.text import Text

HEADINGS = (Text("picture", "图像"), Text("what it says", "内容"))


def terminal(monkeypatch, **settings) -> tuple[Screen, list[Console]]:
    """A screen that believes that it is a terminal, and what it printed."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    made = Screen(**settings)
    consoles = [Console(force_terminal=True, width=80, record=True, highlight=False, file=StringIO()) for _ in "12"]
    made.console, made.errors = consoles
    return made, consoles


def test_plain_lines_where_there_is_no_terminal(capsys):
    screen = Screen("zh")
    screen.say(Text("one", "一"))
    screen.table([("grad_cam", "一"), ("显著图", "二")], HEADINGS)
    assert capsys.readouterr().out == "一\ngrad_cam  一\n显著图    二\n"


def test_quiet_says_nothing_but_errors(capsys):
    screen = Screen(quiet=True)
    screen.say("a")
    screen.aside("b")
    screen.table([("a", "b")], HEADINGS)
    screen.error("wrong")
    seen = capsys.readouterr()
    assert seen.out == "" and seen.err == "Error: wrong\n"


def test_errors_with_what_helps(capsys):
    Screen().failed(BadInput("the file is empty", nearest="'b.png'", hint="another file"))
    assert capsys.readouterr().err == "Error: the file is empty\n  nearest   'b.png'\n  try       another file\n"


def test_errors_of_the_system_and_of_pellucid(capsys):
    Screen().failed(PermissionError(13, "Permission denied", "x.html"))
    Screen().failed(ZeroDivisionError("division by zero"))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Error: x.html: Permission denied"
    assert "A fault of pellucid: ZeroDivisionError" in lines[1] and "--debug" in lines[2]


def test_names_of_strangers_steer_no_terminal(monkeypatch, capsys):
    evil = "a\x1b[31mb\x07[bold]c[/bold]\u202e"
    Screen().say(evil)
    assert "\x1b" not in capsys.readouterr().out
    screen, (out, err) = terminal(monkeypatch)
    screen.say(evil)
    screen.table([(evil, evil)], HEADINGS)
    screen.error(evil, [("try", evil)])
    for console in (out, err):
        text = console.export_text()
        assert "[bold]c[/bold]" in text and "\x1b" not in text and "\u202e" not in text and "\x07" not in text
    assert shown("a\nb") == "a\nb"


def test_a_terminal_has_tables(monkeypatch):
    screen, (out, _) = terminal(monkeypatch)
    screen.table([("grad_cam", "It looks at the head.")], HEADINGS, title="Pictures")
    text = out.export_text()
    assert text.splitlines()[0].strip() == "Pictures"
    assert "picture" in text and "what it says" in text and "It looks at the head." in text


def test_no_colour_means_plain(monkeypatch):
    screen, _ = terminal(monkeypatch)
    assert screen.pretty
    monkeypatch.setenv("NO_COLOR", "1")
    assert not screen.pretty


def test_files_and_the_line_that_opens_them(tmp_path, capsys, monkeypatch):
    paths = [tmp_path / f"{i} x.html" for i in range(14)]
    for path in paths:
        path.write_bytes(b"x" * 2_000_000)
    monkeypatch.setattr("sys.platform", "linux")
    Screen().wrote(paths)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Wrote {paths[0]} (2.0 MB)" and "2 more" in lines[12]
    assert lines[-1] == f"Open it:  xdg-open '{paths[0]}'"
    monkeypatch.setattr("sys.platform", "darwin")
    assert opening(tmp_path).startswith("open ")
    paths[0].write_bytes(b"x")
    assert size(paths[0]) == "1 kB"


def test_one_picture_is_no_plural(capsys):
    Screen().counted(1, 1, 0, 0.04)
    Screen("zh").counted(2, 1, 0, 0.04)
    assert capsys.readouterr().out.splitlines() == [
        "1 picture from 1 forward and 0 backward passes in 0.0 s.",
        "共 2 幅图像，前向 1 次，反向 0 次，用时 0.0 秒。",
    ]


def test_what_could_not_be_made_is_told_also_by_a_quiet_screen(capsys):
    Screen(quiet=True).missed("Not made: grad_cam")
    assert capsys.readouterr() == ("", "Not made: grad_cam\n")
    Screen().missed("Not made: grad_cam")
    assert capsys.readouterr() == ("Not made: grad_cam\n", "")


def test_errors_in_chinese(monkeypatch, capsys):
    error = BadInput(
        Text("the file is empty", "文件是空的"), asked_by="-m a", nearest="'b'", hint=Text("another", "换一个")
    )
    Screen("zh").failed(error)
    Screen("zh").failed(PermissionError(13, "Permission denied", "x.html"))
    Screen("zh").failed(ZeroDivisionError("division by zero"))
    assert capsys.readouterr().err.splitlines() == [
        "错误：文件是空的",
        "  出自      -m a",
        "  最接近的  'b'",
        "  可以尝试  换一个",
        "错误：x.html：Permission denied",
        "错误：pellucid 自身的错误：ZeroDivisionError: division by zero",
        "  可以尝试  加上 --debug 重新运行可看到出错位置；请报告此问题",
    ]
    screen, (_, shown_errors) = terminal(monkeypatch, lang="zh")
    screen.failed(error)
    assert "错误：文件是空的" in shown_errors.export_text()
