"""Every bad input gets one clear error with its place and its remedy, and nothing is written."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from cli.board_mistakes import BOARD_MISTAKES
from cli.config_texts import IRIS, ISLANDS, Edit, edited, write
from cli.data_mistakes import DATA_MISTAKES
from cli.mistakes import MISTAKES, Mistake
from cli.wiring_mistakes import WIRING_MISTAKES

from labrig.cli.main import main

CONFIG, USAGE = 3, 2


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with nothing in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ended_with(argv: Sequence[str]) -> int:
    """The exit code of a command, argparse's own included."""
    try:
        return main(argv)
    except SystemExit as ended:
        return int(ended.code or 0)


def listing(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def reported(capsys: pytest.CaptureFixture[str]) -> str:
    """What stands on stderr, with nothing on stdout and no traceback."""
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert "internal error" not in captured.err
    return captured.err


CASES = [*MISTAKES, *DATA_MISTAKES, *BOARD_MISTAKES, *WIRING_MISTAKES]


# `run` finds what `check` finds: of every eighth mistake in the short line.
@pytest.mark.parametrize(
    ("case", "command"),
    [
        *(pytest.param(case, "check", id=f"{case.name}-check") for case in CASES),
        *(
            pytest.param(case, "run", id=f"{case.name}-run", marks=pytest.mark.more if k % 8 else ())
            for k, case in enumerate(CASES)
        ),
    ],
)
def test_one_mistake_is_one_error_at_its_place(
    case: Mistake, command: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, places = edited(case.base, *case.edits)
    write(folder, text, case.flowers)
    before = listing(folder)
    assert ended_with([command, "bad.yaml"]) == CONFIG
    stderr = reported(capsys)
    headlines = [line for line in stderr.splitlines() if line.startswith("bad.yaml:")]
    assert len(headlines) == 1, stderr
    ((line, column),) = places
    where = f"bad.yaml:{line}:{column}: " + (f"{case.path}: " if case.path else "")
    assert headlines[0].startswith(where), stderr
    for words in case.says:
        assert words in headlines[0].removeprefix(where), stderr
    shown = stderr.splitlines()
    below = shown.index(headlines[0]) + 2
    assert shown[below].strip() == "^"
    assert shown[below].index("^") == 4 + column - 1
    assert shown[below - 1][4:] == text.split("\n")[line - 1].replace("\t", " ")
    assert shown[-1] == "1 problem"
    assert listing(folder) == before


@pytest.mark.parametrize("base", [IRIS, ISLANDS], ids=["iris", "islands"])
def test_without_a_mistake_there_is_no_error(base: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, base)
    assert main(["check", "bad.yaml"]) == 0
    assert capsys.readouterr() == ("bad.yaml: ok\n", "")


def test_a_misspelt_file_name_is_corrected(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.yaml").write_text("version: 1")
    assert main(["check", str(folder / "bat.yaml")]) == CONFIG
    assert f"No such file in {folder}; did you mean 'bad.yaml'?" in capsys.readouterr().err
    assert main(["check", "bat.yaml"]) == CONFIG
    assert "did you mean 'bad.yaml'?" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(
    ("argv", "code", "says"),
    [
        (["nothing.yaml"], CONFIG, ("cannot read nothing.yaml: No such file", "iris.yaml, ")),
        (["iris.yml"], CONFIG, ("cannot read iris.yml: No such file", "did you mean 'iris.yaml'?")),
        (["x" * 5000], CONFIG, ("cannot read xxx",)),
        (["a\0b"], CONFIG, ("cannot read a",)),
        (["."], CONFIG, (". is a folder, not a configuration file",)),
        (["/nope.yaml"], CONFIG, ("cannot read /nope.yaml: No such file in / (remedy: check the path)",)),
        (["secret.yaml"], CONFIG, ("cannot read secret.yaml: Permission denied", "permissions")),
        (["bad.yaml/in.yaml"], CONFIG, ("cannot read bad.yaml/in.yaml: Not a directory",)),
        (
            ["bad.yaml", "--set", "learning.rate"],
            USAGE,
            ("'learning.rate' has no '='", "write e.g. --set learning.rate=0.1"),
        ),
        (["bad.yaml", "--set", "=1"], USAGE, ("'' is not a valid key", "write e.g.")),
        (["bad.yaml", "--set", "extends=iris.yaml"], USAGE, ("'extends' cannot be overridden",)),
        (["bad.yaml", "--seed", "zero"], USAGE, ("'zero' is not a whole number ≥ 0",)),
        (["bad.yaml", "--bench", "imaginary"], USAGE, ("invalid choice: 'imaginary'",)),
        (["bad.yaml", "--sed", "1"], USAGE, ("--sed 1; did you mean --seed?",)),
        (["bad.yaml", "--sett=learning.rate=1"], USAGE, ("did you mean --set?",)),
        (["bad.yaml", "--frobnicate"], USAGE, ("unrecognized arguments: --frobnicate",)),
        (["bad.yaml", "more.yaml"], USAGE, ("unrecognized arguments: more.yaml",)),
        ([""], USAGE, ("argument CONFIG: the name is empty",)),
        (["bad\udcff.yaml"], CONFIG, ("the argument 'bad\\xff.yaml' is not UTF-8 text", "rename the file")),
        ([], USAGE, ("required: CONFIG",)),
    ],
)
def test_what_cannot_be_read_or_asked_for_is_one_line(
    command: str,
    argv: list[str],
    code: int,
    says: Sequence[str],
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(folder, IRIS)
    (folder / "secret.yaml").write_text(IRIS, encoding="utf-8")
    refuse_to_open(monkeypatch, "secret.yaml")
    before = listing(folder)
    assert ended_with([command, *argv]) == code
    last = reported(capsys).splitlines()[-1]
    assert last.startswith("labrig")
    for words in says:
        assert words in last
    assert listing(folder) == before


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(
    ("content", "place", "says"),
    [
        (b"a\xff\xfe", (1, 2), "this is not UTF-8 text (byte 1 is 0xFF); save the file as UTF-8"),
        ("\ufeffname: µ\nb: ".encode() + b"\xb5", (2, 4), "(byte 12 is 0xB5)"),
        (b"a: 1\r\nb\0", (2, 2), "this is a binary file, not a configuration"),
    ],
)
def test_a_file_that_is_no_text_is_a_fault_at_its_place(
    command: str,
    content: bytes,
    place: tuple[int, int],
    says: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (folder / "bytes.yaml").write_bytes(content)
    (folder / "over.yaml").write_text("extends: [bytes.yaml]\n", encoding="utf-8")
    before = listing(folder)
    assert main([command, "bytes.yaml"]) == CONFIG
    assert reported(capsys).startswith(f"bytes.yaml:{place[0]}:{place[1]}: ")
    for config in ("bytes.yaml", "over.yaml"):
        assert main([command, config, "--json"]) == CONFIG
        (fault,) = json.loads(capsys.readouterr().out)["faults"]
        assert (fault["file"], fault["line"], fault["column"]) == ("bytes.yaml", *place)
        assert says in fault["message"]
    assert listing(folder) == before


def test_faults_of_one_place_share_its_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.yaml").write_text("version: 1\nname: short\nbench: sim\n", encoding="utf-8")
    assert main(["check", "bad.yaml"]) == CONFIG
    lines = reported(capsys).splitlines()
    missing = ["network", "task", "learning", "instruments", "wiring", "acquisition"]
    said = [f"bad.yaml:1:1: {name}: missing required key '{name}'" for name in missing]
    assert lines[:8] == [*said, "    version: 1", "    ^"]
    assert lines[8].startswith("bad.yaml:3:8: bench: ")
    assert lines[-1] == "7 problems"


def refuse_to_open(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """As for a file without read permission, also where the tests run as root."""
    opened = os.open

    def refusing(path: Any, *arguments: Any, **options: Any) -> int:
        if str(path).endswith(name):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refusing)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n"])
@pytest.mark.parametrize("command", ["check", "run"])
def test_an_empty_file_is_told_how_to_begin(
    command: str, text: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, text)
    assert main([command, "bad.yaml"]) == CONFIG
    assert "bad.yaml:1:1: the file is empty; start from an example, e.g. 'extends: [iris.yaml]'" in reported(capsys)


@pytest.mark.parametrize(
    ("override", "column", "path", "says"),
    [
        ("learning.rat=0.1", 10, "learning.rat", "did you mean 'rate'?"),
        ("learning.rate=fast", 15, "learning.rate", "expected a number"),
        ("acquisition.window=20", 20, "acquisition.window", "write the unit"),
        ("wiring.in3.through=5 V", 20, "wiring.in3.through", "'5 V' is a voltage"),
        ("wiring.in9.through=5 Ω", 8, "wiring.in9", "the network has no node 'in9'"),
        ("seed=[1", 8, "seed", "needs ',' or ']'"),
        ("seed.first=1", 6, "seed.first", "not a map"),
        ("network.programmable.range[2]=1 S", 28, "network.programmable.range[2]", "has 2 items"),
    ],
)
@pytest.mark.parametrize("command", ["check", "run"])
def test_a_mistake_in_an_override_is_marked_in_the_override(
    command: str, override: str, column: int, path: str, says: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, IRIS)
    before = listing(folder)
    assert main([command, "bad.yaml", "--set", "learning.batch=2", "--set", override]) == CONFIG
    stderr = reported(capsys)
    headline, source, caret = stderr.splitlines()[:3]
    assert headline.startswith(f"--set:2:{column}: {path}: ")
    assert says in headline
    assert source == f"    {override}"
    assert caret == " " * (4 + column - 1) + "^"
    assert stderr.endswith("\n1 problem\n")
    assert listing(folder) == before


def test_a_run_folder_that_exists_is_left_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, IRIS)
    (folder / "mine").mkdir()
    (folder / "mine" / "notes.txt").write_text("precious")
    before = listing(folder)
    assert main(["run", "bad.yaml", "--run-dir", "mine"]) == CONFIG
    assert reported(capsys) == "labrig: --run-dir mine exists already (remedy: name a folder that does not exist yet)\n"
    assert listing(folder) == before
    assert (folder / "mine" / "notes.txt").read_text() == "precious"


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--runs-dir", "a", "--run-dir", "b"], "argument --run-dir: not allowed with argument --runs-dir"),
        (["--run-dir", ""], "argument --run-dir: the name is empty"),
        (["--runs-dir", ""], "argument --runs-dir: the name is empty"),
    ],
)
def test_where_a_run_goes_is_one_name(argv: list[str], says: str, folder: Path, capsys: pytest.CaptureFixture[str]):
    write(folder, IRIS)
    before = listing(folder)
    assert ended_with(["run", "bad.yaml", *argv]) == USAGE
    assert reported(capsys).splitlines()[-1] == f"labrig: {says}"
    assert listing(folder) == before


@pytest.mark.parametrize(
    ("argv", "usage"),
    [
        (["run", "bad.yaml", "--sed", "1"], "usage: labrig run "),
        (["check", "bad.yaml", "--sed", "1"], "usage: labrig check "),
        (["virtual", "serve", "bad.yaml", "--until-eol"], "usage: labrig virtual serve "),
    ],
)
def test_an_unknown_option_shows_the_usage_of_its_command(
    argv: list[str], usage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended_with(argv) == USAGE
    assert reported(capsys).startswith(usage)


@pytest.mark.parametrize("argv", [["rum", "bad.yaml"], [], ["--frobnicate"]])
def test_an_unknown_command_is_a_usage_error(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert ended_with(argv) == USAGE
    assert reported(capsys).startswith("usage: labrig")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["run", "--json"], "the following arguments are required: CONFIG"),
        (["run", "bad.yaml", "--sed", "1", "--json"], "unrecognized arguments: --sed 1; did you mean --seed?"),
        (["check", "bad.yaml", "--json", "--seed", "zero"], "argument --seed: 'zero' is not a whole number ≥ 0"),
        (["--json"], "the following arguments are required: COMMAND"),
    ],
)
def test_with_json_a_usage_error_is_data(argv: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended_with(argv) == USAGE
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"event": "error", "kind": "UsageError", "message": message, "exit_code": USAGE}
    assert captured.err.startswith("usage: labrig")
    assert captured.err.splitlines()[-1] == f"labrig: {message}"


@pytest.mark.parametrize("command", ["check", "run"])
def test_with_json_the_faults_are_data(command: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, ((line, column),) = edited(IRIS, Edit("rate: 0.1", "rate: ▲fast"))
    write(folder, text)
    assert main([command, "--json", "bad.yaml"]) == CONFIG
    captured = capsys.readouterr()
    said = json.loads(captured.out)
    assert (said["event"], said["exit_code"]) == ("error", CONFIG)
    (fault,) = said["faults"]
    assert fault == {
        "file": "bad.yaml",
        "line": line,
        "column": column,
        "path": "learning.rate",
        "message": "expected a number, got 'fast'",
    }
    assert "1 problem" in captured.err


@pytest.mark.parametrize(
    ("argv", "code", "pattern"),
    [
        (["run", "bad.yaml"], CONFIG, r"bad\.yaml:18:9: learning\.rate: expected a number, got 'fast'\n"),
        pytest.param(
            ["run", "nothing.yaml"], CONFIG, r"labrig: cannot read nothing\.yaml: No such file", marks=pytest.mark.more
        ),
        pytest.param(
            ["run", "bad.yaml", "--set", "rate"], USAGE, r"labrig: --set 'rate' has no '='", marks=pytest.mark.more
        ),
        (["rum"], USAGE, r"invalid choice: 'rum'"),
    ],
)
def test_from_a_shell(argv: list[str], code: int, pattern: str, folder: Path) -> None:
    write(folder, edited(IRIS, Edit("rate: 0.1", "rate: fast"))[0])
    before = listing(folder)
    command = [sys.executable, "-m", "labrig", *argv]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, encoding="utf-8")
    assert (done.returncode, done.stdout) == (code, "")
    assert re.search(pattern, done.stderr)
    assert "Traceback" not in done.stderr
    assert listing(folder) == before
