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


def test_behind_a_damaged_frame_the_next_one_is_read(tmp_path):
    path = written(tmp_path / "run")
    content = bytearray(path.read_bytes())
    content[HEAD.size + 1] ^= 1
    path.write_bytes(content)
    assert list(frames(path)) == [None, *FRAMES[1:]]
    content[-1] ^= 1
    path.write_bytes(content)
    assert list(frames(path)) == [None, FRAMES[1], None]


def test_a_frame_that_was_written_in_pieces_is_whole(tmp_path, monkeypatch):
    log = Log(tmp_path, {})
    plain = log.stream

    class Short:
        def write(self, content):
            return plain.write(content[:5])

        def __getattr__(self, name):
            return getattr(plain, name)

    monkeypatch.setattr(log, "stream", Short())
    log.append(b"x" * 60)
    log.close()
    assert list(frames(parts(tmp_path)[0])) == [b"x" * 60]


def test_a_part_that_cannot_be_written_ends_whole_and_the_manifest_tells_why(tmp_path):
    log = Log(tmp_path, {"model": "Net"})
    log.append(b"first")
    log.stream.write(b"plcd torn")
    log.give_up("OSError: full")
    assert list(frames(parts(tmp_path)[0])) == [b"first"]
    assert manifest(tmp_path)["parts"] == {"000000": {"bytes": HEAD.size + 5, "unwritten": "OSError: full"}}
    log.close()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BadRequest, match="cannot be written"):
        Log(tmp_path / "file" / "run", {})


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
        ('{"a": 1}', BadInput),
        (json.dumps({"kind": "sweep", "schema": 1}), BadInput),
        (json.dumps({"kind": "run", "schema": 9}), BadRequest),
    ],
)
def test_manifests_that_are_none(tmp_path, content, error):
    with pytest.raises(BadInput, match="holds no run"):
        manifest(tmp_path)
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(error) as caught:
        manifest(tmp_path)
    assert error is BadRequest or "lens.watch(folder=...)" in caught.value.hint
