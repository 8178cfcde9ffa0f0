"""What the command line needs before it knows what is wanted: little."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from labrig import __version__
from labrig.cli.main import main

HEAVY = ("numpy", "scipy", "pydantic", "rich", "numba", "matplotlib", "yaml")


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, encoding="utf-8")


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_imports_nothing_heavy(option: str) -> None:
    imported = {
        line.rpartition("|")[2].strip().partition(".")[0]
        for line in python("-X", "importtime", "-m", "labrig", option).stderr.splitlines()
    }
    assert "labrig" in imported
    assert imported.isdisjoint(HEAVY)


def test_the_package_imports_nothing_heavy() -> None:
    program = "import sys, labrig; labrig.open, labrig.train; print(*{name.partition('.')[0] for name in sys.modules})"
    imported = set(python("-c", program).stdout.split())
    assert "labrig" in imported
    assert imported.isdisjoint(HEAVY)


def test_help_names_every_command_and_exit_code() -> None:
    text = python("-m", "labrig", "--help").stdout
    for name in ("run", "check", "plan", "measure", "certify", "show", "ls"):
        assert f"\n    {name} " in text
    assert "3 configuration" in text
    assert "130" in text


def test_version() -> None:
    assert python("-m", "labrig", "--version").stdout == f"labrig {__version__}\n"


@pytest.mark.parametrize("module", ["labrig.cli.streams", "labrig.cli.commands", "argparse"])
def test_ctrl_c_while_labrig_is_imported_leaves_no_traceback(module: str) -> None:
    """As if it struck in the import of `module`."""
    program = f"""
import sys
from labrig.cli.main import entry

class Struck:
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            raise KeyboardInterrupt

assert {module!r} not in sys.modules
sys.meta_path.insert(0, Struck())
sys.argv = ["labrig", "drivers"]
entry()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (130, b"")
    assert b"Traceback" not in done.stderr


def test_ctrl_c_that_a_library_makes_an_import_error_of_is_still_ctrl_c(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def struck(arguments: object) -> int:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("PLEASE READ THIS") from None
        return 0

    monkeypatch.setattr("labrig.cli.drivers.execute", struck)
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert main(["drivers"]) == 130
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, inherited)
    assert capsys.readouterr() == ("", "labrig: interrupted\n")


def test_a_small_board_never_waits_for_numba() -> None:
    program = (
        "import sys; from labrig.cli.main import main; code = main(['plan', 'xor.yaml']); "
        "print(code, 'numba' in sys.modules)"
    )
    assert python("-c", program).stdout.splitlines()[-1] == "0 False"
