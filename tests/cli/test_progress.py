"""How far a look is."""

from io import StringIO

from rich.console import Console

from pellucid.cli import progress as module
from pellucid.cli.progress import Pace, progress, working
from pellucid.cli.screen import Screen
from pellucid.core.text import Text
from pellucid.engine.planner import Progress


def terminal(monkeypatch, **settings) -> tuple[Screen, list[Console]]:
    """A screen that believes that it is a terminal, and what it printed."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    made = Screen(**settings)
    consoles = [Console(force_terminal=True, width=80, record=True, highlight=False, file=StringIO()) for _ in "12"]
    made.console, made.errors = consoles
    return made, consoles


def test_progress_on_a_terminal(monkeypatch):
    screen, (_, err) = terminal(monkeypatch)
    with progress(screen, Text("Looking")) as show:
        show(Progress(1, 3, 2, None, 0.1))
        show(Progress(2, 4, 2, (3, 10), 0.2))
    assert "Looking: 4 forward passes, 2 views to go" in err.export_text(clear=True)
    with working(screen, Text("Drawing")):
        pass


def test_progress_in_plain_lines_now_and_then(capsys, monkeypatch):
    screen = Screen()
    with progress(screen, Text("Looking")) as show:
        show(Progress(1, 1, 2, None, 0.0))
    monkeypatch.setattr(module, "EVERY", 0.0)
    with progress(screen, Text("Looking")) as show, working(screen, Text("Drawing")):
        show(Progress(2, 7, 1, (3, 10), 12.0))
    assert capsys.readouterr().err == "Drawing ...\nLooking: 7 forward passes, 1 view to go, 3/10, 12 s\n"


def test_quiet_shows_nothing(capsys, monkeypatch):
    screen = Screen(quiet=True)
    monkeypatch.setattr(module, "EVERY", 0.0)
    with progress(screen, Text("Looking")) as show, working(screen, Text("Drawing")):
        show(Progress(1, 1, 1, None, 99.0))
    seen = capsys.readouterr()
    assert seen.out == seen.err == ""


def test_samples_with_their_rate_and_the_time_left(capsys, monkeypatch):
    monkeypatch.setattr(module, "EVERY", 0.0)
    with progress(Screen(), Text("Sweeping")) as show:
        show(Progress(1, 0, 1, None, 10.0, (1000, 5000)))
        show(Progress(1, 8, 1, None, 20.0, (3000, 5000)))
        show(Progress(2, 9, 1, (1, 4), 31.0))
    assert capsys.readouterr().err.splitlines() == [
        "Sweeping: 1,000 of 5,000 samples, 10 s",
        "Sweeping: 3,000 of 5,000 samples, 200/s, 20 s, 0:00:10 left",
        "Reading some samples again: 9 forward passes, 1 view to go, 1/4, 31 s",
    ], "what a folder held before this run counts for no speed"


def test_a_loop_that_says_how_it_fares(capsys, monkeypatch):
    monkeypatch.setattr(module, "EVERY", 0.0)
    said = Text("objective 0.1 → 7.3", "目标 0.1 → 7.3")
    with progress(Screen(), Text("Sweeping")) as show:
        show(Progress(1, 0, 1, None, 10.0, (50, 50)))
        show(Progress(2, 45, 1, (44, 257), 12.0, said=said))
    assert capsys.readouterr().err.splitlines()[1] == (
        "Sweeping: 45 forward passes, 1 view to go, objective 0.1 → 7.3, 44/257, 12 s"
    )
    with progress(Screen(lang="zh"), Text("Looking", "正在检视")) as show:
        show(Progress(2, 45, 1, (44, 257), 12.0, said=said))
    assert "剩余 1 个视图，目标 0.1 → 7.3" in capsys.readouterr().err


def test_samples_on_a_terminal(monkeypatch):
    screen, (_, err) = terminal(monkeypatch, lang="zh")
    with progress(screen, Text("Sweeping", "正在遍历")) as show:
        show(Progress(1, 0, 1, None, 0.0, (0, 50)))
        show(Progress(1, 8, 1, None, 10.0, (25, 50)))
    assert "共 50 个样本，已完成 25 个，每秒 2.5 个" in err.export_text().replace("\n", "")


def test_the_rate_needs_two_moments():
    pace = Pace()
    assert pace.at(5.0, 100) is None and pace.at(5.0, 100) is None and pace.at(7.0, 120) == 10.0
