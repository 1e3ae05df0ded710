"""`--seed`, `--batch-size` and `--device` are the same for every command that has them."""

import click
import pytest
from click.testing import CliRunner

from pellucid.cli import main
from pellucid.cli.computing import computing


def test_what_is_said_arrives():
    @click.command()
    @computing
    def command(seed, batch_size, device):
        click.echo(f"{seed} {batch_size} {device}")

    assert CliRunner().invoke(command, []).output.strip() == "0 None None"
    words = ["--seed", "3", "--batch-size", "4", "--device", "cuda:1"]
    assert CliRunner().invoke(command, words).output.strip() == "3 4 cuda:1"
    assert CliRunner().invoke(command, ["--batch-size", "0"]).exit_code == 2


@pytest.mark.parametrize("name", ["see", "sweep", "compare"])
def test_the_help_is_the_same(name):
    said = " ".join(CliRunner().invoke(main, [name, "-h"]).output.split())
    assert "Of everything random. [default: 0]" in said and "Most examples in one pass. Default: all" in said
