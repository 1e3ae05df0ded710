import json

import pytest

from pellucid.core.errors import BadInput, BadRequest
from pellucid.engine.monitor.log import HEAD, Log, frames, is_held, manifest, parts

FRAMES = [b"first", b"", b"x" * 60]


def written(folder):
    log = Log(folder, {"model": "Net"})
    for one in FRAMES:
        log.append(one)
    log.close()
    return parts(folder)[0]


def test_frames_come_back(tmp_path):
    assert list(frames(written(tmp_path / "run"))) == FRAMES
    assert manifest(tmp_path / "run")["model"] == "Net"


def test_every_torn_tail_is_left_out(tmp_path):
    path = written(tmp_path / "run")
    content = path.read_bytes()
    ends = [sum(HEAD.size + len(one) for one in FRAMES[:count]) for count in range(4)]
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert len(list(frames(path))) == sum(end <= length for end in ends[1:])


def test_a_damaged_frame_ends_its_part(tmp_path):
    path = written(tmp_path / "run")
    content = bytearray(path.read_bytes())
    content[HEAD.size + 1] ^= 1
    path.write_bytes(content)
    assert list(frames(path)) == []


def test_a_folder_is_written_by_one_and_tells_so(tmp_path):
    log = Log(tmp_path, {})
    assert is_held(tmp_path)
    with pytest.raises(BadRequest, match="another process"):
        Log(tmp_path, {}, resume=True)
    log.close()
    assert not is_held(tmp_path)


def test_a_run_is_never_written_over(tmp_path):
    written(tmp_path / "run")
    with pytest.raises(BadRequest, match="holds a run"):
        Log(tmp_path / "run", {})
    Log(tmp_path / "run", {}, resume=True).close()
    assert [path.stem for path in parts(tmp_path / "run")] == ["000000", "000001"]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").touch()
    with pytest.raises(BadRequest, match="other files"):
        Log(tmp_path / "other", {})
    with pytest.raises(BadRequest, match="no folder"):
        Log(tmp_path / "other" / "mine.txt", {})


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("", BadInput),
        ("[]", BadInput),
        (json.dumps({"kind": "sweep", "schema": 1}), BadInput),
        (json.dumps({"kind": "run", "schema": 9}), BadRequest),
    ],
)
def test_manifests_that_are_none(tmp_path, content, error):
    with pytest.raises(BadInput, match="holds no run"):
        manifest(tmp_path)
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(error):
        manifest(tmp_path)
