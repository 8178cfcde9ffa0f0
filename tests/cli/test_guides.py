"""Every command of the guides is run as it is written, in an empty folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from labrig.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
GUIDES = ("labrig/procedures/README.md", "labrig/procedures/certify/README.md")
COMMAND = re.compile(r"    labrig (.*?)(?:  # exits with (\d+))?")
QUICK = ("check", "plan", "measure")


def commands() -> list:
    """Commands of all guides with their exit codes; only the quick ones belong to README's test line."""
    found = {}
    for guide in GUIDES:
        for line in (ROOT / guide).read_text(encoding="utf-8").splitlines():
            if match := COMMAND.fullmatch(line):
                found[match[1]] = int(match[2] or 0)
    marks = {text: () if text.startswith(QUICK) else pytest.mark.more for text in found}
    return [pytest.param(text, code, marks=marks[text], id=text) for text, code in found.items()]


@pytest.mark.parametrize(("text", "code"), commands())
def test_it_ends_as_the_guide_says(
    text: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(text)) == code, capsys.readouterr().err


def test_there_are_commands_in_every_guide() -> None:
    for guide in GUIDES:
        text = (ROOT / guide).read_text(encoding="utf-8")
        assert any(COMMAND.fullmatch(line) for line in text.splitlines()), guide
