"""Where results go."""

import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.cli.destination import Destination


@pytest.fixture
def views():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    return pl.Lens(net).see(torch.rand(1, 3, 8, 8), "saliency", target=pl.targets(0, 1))


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("a.html", "report"),
        ("a.htm", "report"),
        ("a.png", "file"),
        ("a.npz", "file"),
        ("a", "folder"),
        ("b.c/", "folder"),
    ],
)
def test_the_ending_says_what_is_written(tmp_path, monkeypatch, words, kind):
    monkeypatch.chdir(tmp_path)
    assert Destination.of(words, 1).kind == kind


def test_by_default_a_report_in_this_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = Destination.of(None, 9)
    assert (made.kind, made.path.name) == ("report", "pellucid-report.html")


def test_a_folder_that_exists_is_one_whatever_its_name(tmp_path):
    (tmp_path / "a.png").mkdir()
    assert Destination.of(str(tmp_path / "a.png"), 3).kind == "folder"


@pytest.mark.parametrize(
    ("words", "asked", "what"),
    [("a.bmp", 1, "'.bmp'"), ("a.png", 3, "holds one picture, and 3 were asked for"), ("file/x.html", 1, "is a file")],
)
def test_what_cannot_be_written_is_told_before_the_work(tmp_path, monkeypatch, words, asked, what):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(pl.BadRequest) as caught:
        Destination.of(words, asked)
    assert what in caught.value.what and caught.value.asked_by == f"-o {words}"


def test_no_permission(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(pl.BadRequest, match="no permission"):
        Destination.of(str(tmp_path / "x.html"), 1)


def test_a_file_for_each_result_where_one_view_gives_several(tmp_path, views):
    written = Destination.of(str(tmp_path / "x.json"), 1).write(views, "en", "T")
    assert [path.name for path in written] == ["x-1.json", "x-2.json"]
    assert all(path.stat().st_size for path in written)


def test_one_result_keeps_the_name(tmp_path, views):
    one = type(views)(views.asked, [views[0][0]], views.cost)
    assert Destination.of(str(tmp_path / "x.npz"), 1).write(one, "en", "T") == [tmp_path / "x.npz"]


def test_a_folder_holds_everything(tmp_path, views):
    written = Destination.of(str(tmp_path / "all"), 1).write(views, "en", "T")
    names = ["report.html", "01-saliency.png", "01-saliency.npz", "02-saliency.png", "02-saliency.npz"]
    assert [path.name for path in written] == names
    assert "<title>T</title>" in written[0].read_text()


def test_a_place_that_refuses_is_named_as_it_was_asked_for(tmp_path, views):
    made = Destination(tmp_path / "none" / "a.html", "report")
    (tmp_path / "none").write_text("")
    with pytest.raises(pl.BadRequest, match=r"a\.html' cannot be written"):
        made.write(views, "en", "")


def test_what_else_was_found_stands_in_the_report(views, tmp_path):
    found = pl.Lens(nn.Linear(2, 2)).diagnose()
    for name in ("a.html", "folder"):
        written = Destination.of(str(tmp_path / name), 2).write(views, "en", "T", [found])
        assert "checks found nothing wrong" in written[0].read_text(encoding="utf-8")
