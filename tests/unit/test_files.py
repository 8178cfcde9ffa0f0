"""Files are read whole, and nothing is waited for without end."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from labrig import files
from labrig.cli.main import main
from labrig.files import content_of

posix = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the platform has no FIFOs")


@pytest.fixture
def fifo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(files, "PIPE_S", 0.2)
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


def test_a_file_is_read_whole_or_as_far_as_asked(tmp_path: Path) -> None:
    content = bytes(range(256)) * 1000
    (tmp_path / "file").write_bytes(content)
    assert content_of(tmp_path / "file") == content
    assert content_of(tmp_path / "file", 300) == content[:300]


def test_a_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="directory"):
        content_of(tmp_path)


@posix
def test_what_another_program_writes_into_a_pipe_is_read_to_its_end(fifo: Path) -> None:
    content = os.urandom(300_000)  # more than a pipe holds
    writer = threading.Thread(target=fifo.write_bytes, args=(content,))
    writer.start()
    assert content_of(fifo) == content
    writer.join()


@posix
def test_a_pipe_that_nobody_writes_is_given_up(fifo: Path) -> None:
    with pytest.raises(TimeoutError, match="the pipe was not closed within"):
        content_of(fifo)


@posix
def test_so_is_one_as_a_configuration(fifo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(fifo)]) == 3
    assert "the pipe was not closed within" in capsys.readouterr().err
