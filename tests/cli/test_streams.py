"""Whatever the standard streams are, a command does what it was asked and ends with its own exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli.config_texts import IRIS, write
from trials import MORE

from labrig.assembly import packaged_configs
from labrig.runs.folder import RunFolder
from labrig.runs.journal import read_journal

SHORT = ("--set", "learning.epochs=2", "--no-plots")
posix = pytest.mark.skipif(os.name == "nt", reason="there is no shell to close a stream")


def labrig(*argv: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "labrig", *argv]
    return subprocess.run(command, timeout=120, check=False, stdin=subprocess.DEVNULL, **options)


ALSO_CP1252 = (("drivers", "--json"),)
ALSO_IN_FULL = (
    (
        ("plan", "iris.yaml", "--wiring"),
        ("check", "iris.yaml", "--show-resolved", "--json"),
        ("certify", "divider.yaml"),
        ("drivers",),
        ("doctor",),
        ("--help",),
    )
    if MORE
    else ()
)


@pytest.mark.parametrize(
    ("encoding", "argv"),
    [
        (encoding, argv)
        for argv in (
            ("plan", "iris.yaml"),
            ("check", "iris.yaml", "--show-resolved"),
            ("measure", "divider.yaml"),
            ("drivers", "--json"),
            ("ls",),
            *ALSO_IN_FULL,
        )
        for encoding in ("ascii", "cp1252")[: 1 + (MORE or argv in ALSO_CP1252)]
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_character_that_the_encoding_lacks_is_escaped(encoding: str, argv: tuple[str, ...], tmp_path: Path) -> None:
    runs = tmp_path / "läufe Ω"
    (runs / "einer").mkdir(parents=True)
    more = ("--runs-dir", str(runs)) if argv[0] in ("doctor", "ls") else ()
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = labrig(*argv, *more, capture_output=True, cwd=packaged_configs(), env=environment)
    assert (done.returncode, done.stderr if argv[0] != "certify" else b"") == (0, b"")
    text = done.stdout.decode(encoding)
    assert text
    if "--json" in argv:
        assert done.stdout.isascii()
        json.loads(text)


def finished(run: Path) -> bool:
    events = [event for _, event, *_ in read_journal(run / "run.db").events]
    return events == ["finished"] and bool(RunFolder(run).meta())


@posix
@pytest.mark.parametrize(
    "closed",
    [">&-", "<&- >&- 2>&-", *(pytest.param(more, marks=pytest.mark.more) for more in (">&- 2>&-", "<&-", "2>&-"))],
)
def test_a_run_with_closed_streams(closed: str, tmp_path: Path) -> None:
    """The number of a closed stream goes to the next file that is opened; what is printed must not end up in it."""
    run = tmp_path / "run"
    shell = [
        "sh",
        "-c",
        f'"$@" {closed}',
        "sh",
        sys.executable,
        "-m",
        "labrig",
        "run",
        "divider.yaml",
        "--run-dir",
        str(run),
    ]
    done = subprocess.run([*shell, *SHORT], capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (b"finished" in done.stdout) == (">&-" not in closed.replace("2>&-", ""))
    assert finished(run)
    assert (run / "run.db").read_bytes().startswith(b"SQLite format 3\0")


@posix
@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("drivers",), 0),
        pytest.param(("plan", "iris.yaml"), 0, marks=pytest.mark.more),
        pytest.param(("--help",), 0, marks=pytest.mark.more),
        (("check", "bad.yaml"), 3),
        pytest.param(("check", "bad.yaml", "--json"), 3, marks=pytest.mark.more),
        pytest.param(("run", "iris.yaml", "--frobnicate"), 2, marks=pytest.mark.more),
        (("run", "divider.yaml", "--run-dir", "run", *SHORT, "--json"), 0),
        (("run", "divider.yaml", "--run-dir", "run", *SHORT, "--set", "task.target.rms=1 nV"), 7),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, tuple) else "",
)
def test_a_reader_that_has_gone_changes_no_exit_code(argv: tuple[str, ...], code: int, tmp_path: Path) -> None:
    write(tmp_path, IRIS.replace("rate: 0.1", "rate: fast"))
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = labrig(*argv, stdout=writer, stderr=writer, cwd=tmp_path)
    finally:
        os.close(writer)
    assert done.returncode == code
    if argv[0] == "run" and code != 2:
        assert finished(tmp_path / "run")


@posix
def test_unbuffered_streams_are_mended_too() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = labrig("drivers", stdout=writer, stderr=writer, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    finally:
        os.close(writer)
    assert done.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the platform has no device that is always full")
def test_an_answer_that_cannot_be_written_is_a_storage_error() -> None:
    with open("/dev/full", "wb") as full:
        done = labrig("drivers", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 6
    assert done.stderr.count(b"\n") == 1
    assert b"No space left" in done.stderr
