"""The command as a whole."""

import os
import subprocess
import sys
import time

from click.testing import CliRunner

import pellucid
from pellucid.cli import main
from tests.architecture.source import PACKAGE


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, in a terminal without colours."""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pellucid", *words], capture_output=True, text=True, check=False, env=environment
    )


def test_help_is_quick_and_for_beginners():
    start = time.perf_counter()
    seen = run("--help")
    assert time.perf_counter() - start < 3, "torch is imported only by commands that need it"
    assert seen.returncode == 0 and seen.stdout.startswith("Usage: pellucid ")
    for word in ("see", "layers", "methods", "demo", "pellucid see torchvision:resnet18 cat.jpg"):
        assert word in seen.stdout


def test_help_imports_no_torch():
    code = "import sys; import pellucid.cli; print('torch' in sys.modules, 'matplotlib' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert seen.stdout == "False False\n"


def test_a_bad_request_in_a_process_of_its_own(tmp_path):
    seen = run("see", f"{tmp_path}/no.py:Net", "random:1x3")
    assert (
        seen.returncode == 2
        and seen.stderr.startswith("Error: ")
        and "Traceback" not in seen.stderr
        and seen.stdout == ""
    )


def test_every_command_explains_itself():
    for name, command in main.commands.items():
        seen = CliRunner().invoke(main, [name, "-h"], terminal_width=80)
        assert seen.exit_code == 0 and command.short_help
        assert max(map(len, seen.output.splitlines())) <= 80, "fits a terminal of 80 columns"
        assert name == "methods" or ("Exit codes" in seen.output and "130" in seen.output)


def test_version():
    seen = CliRunner().invoke(main, ["--version"])
    assert (seen.exit_code, seen.output) == (0, f"pellucid {pellucid.__version__}\n")


def test_an_unknown_command():
    assert CliRunner().invoke(main, ["look"]).exit_code == 2
