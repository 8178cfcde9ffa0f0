"""Every command of the guides is run as it is written, in an empty folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from labrig.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
GUIDES = ("labrig/procedures/README.md", "labrig/procedures/certify/README.md", "configs/course/README.md")
SLOW = ("configs/breadboard/README.md", "configs/pictures/README.md")
COMMAND = re.compile(r"    labrig (.*?)(?:  # exits with (\d+))?")
QUICK = ("check", "plan", "measure")


def commands(guide: str) -> dict[str, int]:
    """The commands of a guide, and their exit codes."""
    lines = (ROOT / guide).read_text(encoding="utf-8").splitlines()
    return {match[1]: int(match[2] or 0) for line in lines if (match := COMMAND.fullmatch(line))}


@pytest.mark.parametrize("text", [text for guide in GUIDES for text in commands(guide) if text.startswith(QUICK)])
def test_a_quick_command(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = {**commands(GUIDES[0]), **commands(GUIDES[1]), **commands(GUIDES[2])}[text]
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(text)) == code


@pytest.mark.more
@pytest.mark.parametrize("guide", [*GUIDES, *(pytest.param(each, marks=pytest.mark.long) for each in SLOW)])
def test_all_commands_in_order(
    guide: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for text, code in commands(guide).items():
        assert main(shlex.split(text)) == code, (text, capsys.readouterr().err)


def test_there_are_commands_in_every_guide() -> None:
    for guide in (*GUIDES, *SLOW):
        text = (ROOT / guide).read_text(encoding="utf-8")
        assert any(COMMAND.fullmatch(line) for line in text.splitlines()), guide
