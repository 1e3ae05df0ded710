"""`--trust-code` and `--unsafe-pickle` on every command that opens a model."""

import click
import pytest
import torch
from click.testing import CliRunner
from torch import nn

from pellucid.cli import main
from pellucid.cli.trust import trusting


def test_nothing_is_trusted_unless_it_is_said():
    @click.command()
    @trusting
    def command(trust_code, unsafe_pickle):
        click.echo(f"{trust_code} {unsafe_pickle}")

    for words, said in (([], "False False"), (["--trust-code"], "True False"), (["--unsafe-pickle"], "False True")):
        assert CliRunner().invoke(command, words).output.strip() == said


@pytest.mark.parametrize("name", ["see", "layers", "sweep"])
def test_every_command_that_opens_a_model_has_both(name):
    said = CliRunner().invoke(main, [name, "-h"]).output
    assert "--trust-code" in said and "--unsafe-pickle" in said


def test_a_program_and_a_whole_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.export.save(torch.export.export(nn.Linear(3, 2), (torch.rand(1, 3),)), "a.pt2")
    torch.save(nn.Linear(3, 2), "a.pt")
    for file, flag in (("a.pt2", "--trust-code"), ("a.pt", "--unsafe-pickle")):
        refused = CliRunner().invoke(main, ["see", file])
        assert refused.exit_code == 2 and flag in refused.output and not (tmp_path / "x.html").exists()
        assert CliRunner().invoke(main, ["layers", file, "random:1x3", flag]).exit_code == 0
        made = CliRunner().invoke(main, ["see", file, flag, "-o", "x.html"])
        assert made.exit_code == 0 and (tmp_path / "x.html").stat().st_size > 10_000
        (tmp_path / "x.html").unlink()
