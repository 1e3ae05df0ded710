import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest
import torch
from torch import nn

from pellucid.core.errors import BadWeights
from pellucid.zoo.hub import checkpoint_at, folder_at

COMMIT = "a" * 40
FILES = {"config.json": b"{}", "model.safetensors": b"x" * 40, "modeling.py": b"raise SystemExit", "tf_model.h5": b"y"}


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return tmp_path / "hub" / "checkpoints"


def served(folder: Path, content: object) -> tuple[str, str]:
    """A file whose name holds its hash, as torch's hub has them, and its address."""
    torch.save(content, folder / "a.pth")
    body = (folder / "a.pth").read_bytes()
    name = f"net-{hashlib.sha256(body).hexdigest()[:8]}.pth"
    (folder / name).write_bytes(body)
    return (folder / name).as_uri(), name


def test_a_checkpoint_is_fetched_once_and_checked(tmp_path: Path, checkpoints: Path) -> None:
    url, name = served(tmp_path, nn.Linear(2, 2).state_dict())
    assert checkpoint_at(url, "torchvision") == checkpoints / name
    (tmp_path / name).unlink()
    assert checkpoint_at(url, "torchvision").read_bytes() == (tmp_path / "a.pth").read_bytes()


def test_another_file_and_one_that_holds_code_are_refused(tmp_path: Path, checkpoints: Path) -> None:
    url, name = served(tmp_path, {"a": torch.ones(1)})
    (tmp_path / name).write_bytes(b"another")
    with pytest.raises(BadWeights, match="hash"):
        checkpoint_at(url, "torchvision")
    assert not (checkpoints / name).exists()
    url, name = served(tmp_path, nn.Linear(2, 2))
    with pytest.raises(BadWeights, match="asks to run"):
        checkpoint_at(url, "torchvision")


def test_without_a_network_one_sentence_says_what_to_do(tmp_path: Path, checkpoints: Path) -> None:
    with pytest.raises(BadWeights, match=r"file 'b-12345678.pth' cannot be fetched: .*No such file") as caught:
        checkpoint_at((tmp_path / "b-12345678.pth").as_uri(), "torchvision")
    assert "weights='b-12345678.pth'" in caught.value.hint and "\n" not in caught.value.what
    with pytest.raises(BadWeights, match="'owner/name' of the Hugging Face hub cannot be fetched") as caught:
        folder_at("owner/name")
    assert "hf download owner/name" in caught.value.hint and "\n" not in caught.value.what


class Hub(http.server.BaseHTTPRequestHandler):
    """Answers as the hub does for one model."""

    asked: list[str] = []  # noqa: RUF012

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        name = self.path.rpartition("/")[2]
        if self.path.startswith("/api/models/owner/name"):
            listed = [{"rfilename": one} for one in FILES]
            tree = [{"type": "file", "path": one, "size": len(held), "oid": one} for one, held in FILES.items()]
            told = tree if "/tree/" in self.path else {"id": "owner/name", "sha": COMMIT, "siblings": listed}
            content = json.dumps(told).encode()
        elif name in FILES and "/resolve/" in self.path:
            content = FILES[name]
            if body:
                self.asked.append(name)
        else:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Type", "application/json")
        self.send_header("ETag", f'"{name}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address, real = f"http://127.0.0.1:{server.server_port}", huggingface_hub.snapshot_download
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(
        huggingface_hub,
        "snapshot_download",
        lambda *given, **how: real(*given, **how, endpoint=address, cache_dir=tmp_path / "cache", token=False),
    )
    yield
    server.shutdown()
    server.server_close()


def test_a_folder_is_fetched_without_its_code(hub: None) -> None:
    Hub.asked.clear()
    folder = folder_at("owner/name")
    assert sorted(one.name for one in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert sorted(Hub.asked) == ["config.json", "model.safetensors"]
    assert folder_at("owner/name") == folder and len(Hub.asked) == 2
