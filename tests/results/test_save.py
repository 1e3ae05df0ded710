import json

import numpy as np
import pytest

from pellucid.core.errors import BadRequest
from pellucid.results import save as saving
from pellucid.results.encode import decode
from pellucid.results.save import save, write
from tests.results import samples


@pytest.mark.parametrize(
    ("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF"), ("npz", b"PK"), ("json", b"{")]
)
def test_every_ending(tmp_path, ending, start):
    path = samples.matrix().save(tmp_path / "deep" / f"a.{ending.upper()}")
    assert path.read_bytes().startswith(start)
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_safetensors_reads_back(tmp_path):
    path = save(samples.table(), tmp_path / "t.safetensors")
    assert decode(path.read_bytes()) == samples.table()


def test_html_is_a_report_with_one_result(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(saving, "late", lambda name: lambda *args, **kwargs: seen.append((name, args, kwargs)))
    result = samples.matrix()
    save(result, tmp_path / "r.html", lang="zh")
    assert seen == [("pellucid.render.report:save_report", ([result], tmp_path / "r.html"), {"lang": "zh"})]


def test_an_unknown_ending_names_the_known_ones(tmp_path):
    with pytest.raises(
        BadRequest, match=r"(?s)\.gif.*\.png, \.svg, \.pdf, \.html, \.json, \.npz, \.safetensors, \.dot, \.mmd"
    ):
        samples.matrix().save(tmp_path / "a.gif")
    assert not list(tmp_path.iterdir())


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write(path, b"old")

    def fail(*_):
        raise OSError("disk")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="disk"):
        write(path, b"new")
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["a.json"]


def test_files_have_the_usual_permissions(tmp_path):
    path, other = tmp_path / "a", tmp_path / "b"
    write(path, b"")
    other.touch()
    assert path.stat().st_mode == other.stat().st_mode


def test_json_is_json(tmp_path):
    record = json.loads(samples.attribution().save(tmp_path / "a.json").read_text(encoding="utf-8"))
    assert np.array(record["values"]["data"]).shape == (1, 7, 7)


@pytest.mark.parametrize("ending", ["dot", "mmd"])
def test_a_graph_is_written_in_the_languages_of_graphs_and_nothing_else_is(tmp_path, ending):
    assert (
        samples.graph().save(tmp_path / f"a.{ending}").read_text(encoding="utf-8").startswith(("digraph", "flowchart"))
    )
    with pytest.raises(BadRequest, match=f"Only a graph is written as '.{ending}', and this is a matrix"):
        samples.matrix().save(tmp_path / f"b.{ending}")
