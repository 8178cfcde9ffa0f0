"""report: one page for every run that can be read, whatever state it is in."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import pytest
from crash.full import largest_file
from trials import quick

import labrig
from labrig.cli.main import main
from labrig.runs.certificates import add_certificate, read_certificates
from labrig.runs.folder import RunFolder
from labrig.runs.journal import Evaluation, Event, Journal, Step
from labrig.runs.notes import add_note
from labrig.runs.report import PARTS, page
from labrig.runs.report.parts import summary

VOID = {"meta", "br", "img", "input", "link", "hr"}


class Page(HTMLParser):
    """Collects the words of each section, and checks that every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sections: dict[str, str] = {}
        self.addresses: list[str] = []
        self.elements: set[str] = set()
        self._section = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.elements.add(tag)
        self.addresses += [value for name in ("src", "href", "xlink:href") if (value := given.get(name))]
        if tag == "section":
            self._section = given["id"]
            self.sections[self._section] = ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self._section and "style" not in self.open:
            self.sections[self._section] += data


class Stopped(BaseException):
    """Ends a run as a killed process would: nothing is recorded after it."""


def stop_at(step: int) -> Callable[[Step | Evaluation], None]:
    def report(each: Step | Evaluation) -> None:
        if getattr(each, "index", each.step if isinstance(each, Evaluation) else 0) >= step:
            raise Stopped

    return report


def reported(run: Path, capsys: pytest.CaptureFixture[str], code: int = 0) -> Page:
    assert main(["report", str(run)]) == code
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return Page((run / "report.html").read_text())


@pytest.fixture
def few_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the parts with many figures, which take a second."""
    monkeypatch.setattr(page, "PARTS", ("summary", "spectrum", "card"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("trained") / "run"
    given = ["--set", "learning.epochs=1", "--set", "learning.evaluate.every=1"]
    assert main(["run", "iris.yaml", "--no-plots", "--run-dir", str(run), *given]) == 0
    return run


def test_every_part_is_there_and_nothing_is_loaded(trained, capsys):
    written = reported(trained, capsys)
    assert tuple(written.sections) == PARTS
    assert not written.elements & {"script", "link", "iframe", "object"}
    assert all(address.startswith(("#", "data:")) for address in written.addresses)
    # The names of fonts and namespaces apart, the page has no address.
    text = (trained / "report.html").read_text()
    assert set(re.findall(r"https?://[^\"' ]*", text)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_it_says_what_the_run_says(trained, capsys):
    written = reported(trained, capsys)
    assert main(["show", str(trained), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert "Finished after 90 steps" in written.sections["summary"]
    assert format(shown["metrics"]["test_accuracy"], ".6g") in written.sections["summary"]
    assert shown["card"]["network"]["sha256"] in written.sections["card"]
    assert "setosa" in written.sections["confusion"]
    assert "2000 Hz" in written.sections["spectrum"]
    assert "learning.epochs" in written.sections["configuration"]
    assert "--set" in written.sections["configuration"]
    assert "iris.yaml:" in written.sections["configuration"]
    assert "not certified" in written.sections["certificates"]


@pytest.mark.more
def test_figures_for_a_paper(trained, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(page, "PARTS", ("learning", "confusion"))
    given = ["--out", str(tmp_path / "a.html"), "--figures", str(tmp_path / "f"), "--json"]
    assert main(["report", str(trained), *given]) == 0
    line = json.loads(capsys.readouterr().out)
    assert {Path(path) for path in line["figures"]} == set((tmp_path / "f").iterdir())
    assert (tmp_path / "f" / "learning.pdf").read_bytes().startswith(b"%PDF")
    svg = (tmp_path / "f" / "learning.svg").read_text()
    assert "var(--" not in svg  # black on white: a paper has no style sheet
    assert "var(--ink)" in (tmp_path / "a.html").read_text()


def test_names_and_notes_are_text(trained, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    bad = '<script>alert("1")</script><img src=x onerror=alert(1)>'
    add_note(RunFolder(run), bad)
    meta = json.loads((run / "meta.json").read_text())
    meta["name"] = meta["card"]["rule"] = meta["board"]["edges"][0][0] = meta["classes"][0] = meta["versions"]["x"] = (
        bad
    )
    meta["values"][0][1] = meta["identities"]["daq"][1] = bad
    (run / "meta.json").write_text(json.dumps(meta))
    written = reported(run, capsys)
    assert not written.elements & {"script", "img"}
    assert bad in written.sections["summary"]
    assert bad in written.sections["card"]
    assert bad in written.sections["confusion"]


def test_a_run_without_steps(tmp_path, capsys):
    run = tmp_path / "run"
    with pytest.raises(Stopped):
        labrig.train("xor.yaml", run_dir=run, report=stop_at(0))
    written = reported(run, capsys)
    assert "Killed after 0 steps" in written.sections["summary"]
    for name in ("conductances", "edges", "gradients", "time"):
        assert "The run has no step." in written.sections[name]


def test_a_run_that_ended_before_it_was_described(tmp_path, capsys):
    run = tmp_path / "run"
    run.mkdir()
    with closing(Journal(run / "run.db", "process", 1)) as journal:
        journal.event(Event(0, "failed", {"kind": "ConnectionFailed", "message": "no <answer>", "device": "daq"}))
    written = reported(run, capsys)
    assert "Failed after 0 steps: no <answer>" in written.sections["summary"]
    assert "ended before" in written.sections["card"]
    assert "ended before" in written.sections["versions"]


@pytest.mark.parametrize("content", [b"\xff\x00nonsense", pytest.param(b"", marks=pytest.mark.more)])
@pytest.mark.parametrize(
    "name",
    [
        *quick(1, ["run.db", "meta.json", "spectrum.npz", "certificates.jsonl", "config.resolved.yaml"]),
    ],
)
def test_a_damaged_file_is_named_and_the_rest_is_shown(trained, tmp_path, capsys, name, content):
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    (run / name).write_bytes(content)
    needed = name in ("run.db", "meta.json", "spectrum.npz") or (name == "certificates.jsonl" and content != b"")
    assert main(["report", str(run)]) == (6 if needed else 0)
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    assert (name in captured.err) is needed
    assert "KeyError" not in captured.err
    written = Page((run / "report.html").read_text())
    assert tuple(written.sections) == PARTS
    assert ("setosa" in written.sections["confusion"]) is (name not in ("run.db", "meta.json"))
    assert ("frequency_propagation" in written.sections["card"]) is (name != "meta.json")


def test_nothing_to_read_is_one_error(tmp_path, capsys):
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.db").write_bytes(b"")
    (run / "meta.json").write_text("{")
    assert main(["report", str(run)]) == 6
    assert capsys.readouterr().err.count("\n") == 1
    assert not (run / "report.html").exists()


def test_a_part_that_fails_leaves_the_others(trained, few_parts, capsys, monkeypatch):
    def blocks(run):
        raise ZeroDivisionError("by <zero>")
        yield

    monkeypatch.setattr(summary, "blocks", blocks)
    written = reported(trained, capsys, code=6)
    assert "by <zero>" in written.sections["summary"]
    assert "2000 Hz" in written.sections["spectrum"]


@pytest.mark.more
def test_the_last_certificate_is_shown_and_the_others_are_listed(trained, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    figures = {"reason": "far <off>", "bias": 0.3, "bias_interval": [0.25, 0.35], "bound": 0.01, "reference": "adjoint"}
    edge = {"name": "in0-out0", "text": "its part is swapped"}
    add_certificate(RunFolder(run), {**figures, "verdict": "right", "reason": "near"}, seed=0, settings=[])
    more = ["simulation.preset=ideal", "seed=7"]
    about = {**figures, "verdict": "wrong", "wrong_edges": [edge], "edges": [1] * 9}
    add_certificate(RunFolder(run), about, seed=7, settings=more)
    assert [each["verdict"] for each in read_certificates(RunFolder(run))] == ["right", "wrong"]
    assert "edges" not in read_certificates(RunFolder(run))[1]
    shown = reported(run, capsys).sections["certificates"]
    for words in (
        "The gradient is wrong: far <off>",
        "0.25 to 0.35",
        "in0-out0: its part is swapped",
        "near",
        "with seed 7",
    ):
        assert words in shown
    assert "Not the run's own configuration: simulation.preset=ideal, seed=7" in shown
    assert main(["verify", str(run)]) == 0


def test_a_page_that_cannot_be_written(trained, few_parts, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["report", str(trained), "--out", str(tmp_path / "file" / "a.html")]) == 6
    assert "cannot write" in capsys.readouterr().err


def test_a_page_on_a_full_disk_leaves_no_part_of_it(trained, few_parts, tmp_path, capsys):
    with largest_file(1000):
        code = main(["report", str(trained), "--out", str(tmp_path / "a.html")])
    assert code == 6
    assert "cannot write" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_going_on(tmp_path, few_parts, capsys):
    run = tmp_path / "run"

    def look(each: Step | Evaluation) -> None:
        if isinstance(each, Step) and each.index == 2:
            written = reported(run, capsys)
            assert "Running after 2 steps" in written.sections["summary"]
            assert "No window was stored" in written.sections["spectrum"]
            raise Stopped

    with pytest.raises(Stopped):
        labrig.train("xor.yaml", run_dir=run, report=look)
