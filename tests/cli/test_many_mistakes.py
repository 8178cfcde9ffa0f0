"""Many mistakes in one file are reported at once, and no mistake whatever gives anything but a report."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli.config_texts import IRIS, ISLANDS, Edit, edited, write
from hypothesis import given, settings
from hypothesis import strategies as st
from trials import trials

from labrig.cli.main import main

EIGHT = (
    # One that YAML shows, four that a section shows by itself, three that need two sections or an instrument.
    Edit("version: 1", "version: ▲2"),
    Edit("seed: 0\n", "seed: 0\n▲seed: 1\n"),
    Edit("bench: simulated", "▲bank: simulated"),
    Edit("range: [10 µS, 100 µS]", "range: ▲[5 µS, 100 µS]"),
    Edit("current: 1 µA", "current: ▲1 mA"),
    Edit("sample_rate: 50 kS/s", "sample_rate: ▲500 kS/s"),
    Edit("durability: process", "durability: ▲processor"),
    Edit("preset: typical", "preset: typical, noise: ▲5"),
)
PATHS = [
    "version",
    "seed",
    "bank",
    "network.programmable.range",
    "learning.error.current",
    "acquisition.sample_rate",
    "storage.durability",
    "simulation.noise",
]


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_eight_mistakes_are_eight_errors(
    command: str, as_json: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text, places = edited(IRIS, *EIGHT)
    write(tmp_path, text)
    before = set(tmp_path.rglob("*"))
    assert main([command, "bad.yaml", *(["--json"] if as_json else [])]) == 3
    captured = capsys.readouterr()
    expected = [(*place, path) for place, path in zip(places, PATHS, strict=True)]
    if as_json:
        faults = json.loads(captured.out)["faults"]
        assert [(fault["line"], fault["column"], fault["path"]) for fault in faults] == expected
        assert {fault["file"] for fault in faults} == {"bad.yaml"}
    else:
        assert captured.out == ""
    headlines = [line for line in captured.err.splitlines() if line.startswith("bad.yaml:")]
    starts = [f"bad.yaml:{line}:{column}: {path}: " for line, column, path in expected]
    assert [headline[: len(start)] for headline, start in zip(headlines, starts, strict=True)] == starts
    assert captured.err.endswith("\n8 problems\n")
    assert "not checked" not in captured.err
    assert set(tmp_path.rglob("*")) == before


def test_what_could_not_be_checked_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, edited(IRIS, Edit("channels: 10, bits: 16, full_scale: 5 V", "channels: none"))[0])
    assert main(["check", str(path)]) == 3
    assert (
        "\nnot checked until these problems are fixed: wiring of awg, whether the task fits the board, timing, limits\n"
        "2 problems\n" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    "elsewhere",
    [
        Edit("channels: 10, bits: 16, full_scale: 5 V", "channels: none"),
        Edit("drive: awg/0..5", "drive: awg/10..15"),
        Edit("range: [10 µS, 100 µS]", "range: [10 µS, 100 Ω]"),
    ],
    ids=["instruments", "wiring", "network"],
)
@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (Edit("data: flowers.csv", "data: trees.csv"), "there is no file 'trees.csv'"),
        (Edit("label: species", "label: kind"), "flowers.csv has no column 'kind'"),
        (Edit("train_per_class: 3", "train_per_class: 99"), "but split asks for 99 + 1"),
    ],
    ids=["file", "label", "split"],
)
def test_examples_are_checked_without_a_board(
    elsewhere: Edit, mistake: Edit, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, edited(IRIS, elsewhere, mistake)[0])
    assert main(["check", str(path)]) == 3
    said = capsys.readouterr().err
    assert message in said
    assert "whether the task fits the board" in said.partition("not checked until these problems are fixed: ")[2]


def test_instruments_at_fault_are_named_as_one_item(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, edited(IRIS, Edit("full_scale: 5 V", "full_scale: 5"), Edit("2 V, max", "2, max"))[0])
    assert main(["check", str(path)]) == 3
    assert "fixed: wiring of awg and daq, whether" in capsys.readouterr().err


AUTO = edited(IRIS, Edit("current: 1 µA", "current: auto"), Edit("temperature: 50 mV", "temperature: auto"))[0]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("foo: 1\n", "foo"),
        ("power: 3\n", "power"),
        ("timing: 5 ms\n", "timing"),
        ("programmers: []\n", "programmers"),
        ("version: 2\n", "version"),
        ("seed: banana\n", "seed"),
        ("name: a/b\n", "name"),
        ("bench: foo\n", "bench"),
    ],
)
def test_a_mistake_beside_keys_that_are_auto(text: str, path: str, tmp_path: Path, capsys) -> None:
    tree = {**yaml.safe_load(AUTO), **yaml.safe_load(text)}
    written = write(tmp_path, yaml.safe_dump(tree, allow_unicode=True, sort_keys=False))
    assert main(["check", str(written)]) == 3
    assert f": {path}: " in capsys.readouterr().err


JUNK: list[Any] = [
    None, True, 0, -1, 1, 7, 10**6, 10**30, 0.5, -0.5, 1e308, float("inf"), float("nan"), "", " ", "junk", "auto",
    "random", "none", "1 V", "-1 V", "1e300 V", "0 V", "1 µS", "1e-300 S", "50 kS/s", "1e12 S/s", "1 Hz", "1e9 Hz",
    "1e-9 Hz", "20 ms", "1e9 s", "0 s", "1 Ω", "1 A", "1e300 W", "daq/0", "daq/0..5", "awg/0..99999", "in0", "in0..in5",
    "flowers.csv", ".", "a-b", "a-a", "ground", "pilot", "edges", "ünïcode", "\0", "\n", "9" * 400, "x" * 5000, [], {},
    [[]], ["junk"], [1, 2], ["1 V", "2 V"], ["2 µS", "1 µS"], [None], {"a": 1}, {"nodes": 1}, [{"nodes": 2}],
    {"every": 0}, {"preset": "ideal"},
]  # fmt: skip


def places_in(tree: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of every value below the root."""
    entries = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [place for key, value in entries for place in ((*path, key), *places_in(value, (*path, key)))]


def mutated(draw: st.DrawFn, tree: Any) -> Any:
    """The tree with one key dropped, misspelt, or given another value."""
    path = draw(st.sampled_from(places_in(tree)))
    parent = tree
    for part in path[:-1]:
        parent = parent[part]
    kind = draw(st.sampled_from(["drop", "replace", "replace", "misspell", "move"]))
    if kind == "drop":
        del parent[path[-1]]
    elif kind == "replace" or not isinstance(parent, dict):
        parent[path[-1]] = copy.deepcopy(draw(st.sampled_from(JUNK)))
    elif kind == "misspell":
        key = str(path[-1])
        cut = draw(st.integers(0, len(key)))
        parent[key[:cut] + draw(st.sampled_from(["", "x", " ", ".", "[0]", "0..5", "<<"])) + key[cut + 1 :]] = (
            parent.pop(path[-1])
        )
    else:
        parent.setdefault(
            draw(st.sampled_from(["drive", "error", "grid", "xor", "encode", "diodes"])), parent[path[-1]]
        )
    return tree


@st.composite
def broken_texts(draw: st.DrawFn) -> str:
    """A configuration with one to three mistakes in its tree, and perhaps one in its text."""
    tree = yaml.safe_load(draw(st.sampled_from([IRIS, ISLANDS, AUTO])))
    for _ in range(draw(st.integers(1, 3))):
        if places_in(tree):
            tree = mutated(draw, tree)
    flow = draw(st.sampled_from([False, None, True]))
    text = yaml.safe_dump(tree, allow_unicode=True, sort_keys=False, default_flow_style=flow, width=1000)
    lines = text.split("\n")
    number = draw(st.integers(0, len(lines) - 1))
    edit = draw(st.sampled_from(["none", "none", "twice", "indent", "colon"]))
    if edit == "twice":
        lines.insert(number, lines[number])
    elif edit == "indent":
        lines[number] = f" {lines[number]}"
    elif edit == "colon":
        lines[number] = lines[number].replace(":", "", 1)
    return "\n".join(lines)


@settings(max_examples=trials(30, 150, 1000))
@given(broken_texts())
def test_no_mistake_gives_anything_but_a_report(text: str) -> None:
    said, failed = io.StringIO(), io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), text)
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(failed):
            code = main(["check", str(path)])
        assert code in (0, 3), failed.getvalue()
        assert "internal error" not in failed.getvalue()
        assert "Traceback" not in failed.getvalue()
        assert (code == 0) == (failed.getvalue() == "")
        assert {entry.name for entry in Path(folder).iterdir()} == {"bad.yaml", "flowers.csv"}
