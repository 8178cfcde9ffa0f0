from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labrig.config.document import Document, plain
from labrig.config.extending import load_document
from labrig.config.problems import Mark
from labrig.config.resolved import to_yaml
from labrig.errors import ConfigError, UsageError

IRIS = """\
version: 1
name: iris
network:
  layered: {inputs: 2, outputs: 1}
  programmable: {range: [10 µS, 100 µS]}
task:
  classification: {data: iris.csv}
  target: {test_accuracy: 0.95}
learning: {rate: 0.1, evaluate: {every: 10}}
instruments:
  awg: {driver: generic.source, channels: 14}
  daq: {driver: generic.digitizer, bits: 16}
wiring:
  in0..in1: {drive: awg/0..1, through: 50 Ω, sense: daq/0..1}
  edges: pots/0..1
"""


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def load(path: Path, *overrides: str, packaged: Path | None = None) -> Document:
    return load_document(path, packaged=packaged, overrides=overrides)


def messages(document: Document) -> list[str]:
    return [str(problem).replace(f"{document.directory}/", "") for problem in document.problems]


def test_a_file_is_laid_over_the_ones_it_extends(write: Any) -> None:
    iris = write("iris.yaml", IRIS)
    path = write(
        "board.yaml",
        "extends: iris.yaml\n"
        "name: board-7\n"
        "network: {grid: {rows: 2}, programmable: {range: [1 µS, 2 µS]}}\n"
        "task: {xor: {amplitude: 1 V}}\n"
        "instruments:\n"
        "  awg: {driver: ni.ao, model: PXIe-6738}\n"
        "  daq: {channels: 3}\n"
        "wiring:\n"
        "  in1: {drive: awg/ao7}\n"
        "  out0: {error: awg/ao8}\n",
    )
    document = load(path)
    assert not document.problems
    assert not document.broken
    assert document.files == (path, iris)
    assert plain(document.root) == {
        "version": 1,
        "name": "board-7",
        "network": {"grid": {"rows": 2}, "programmable": {"range": ["1 µS", "2 µS"]}},
        "task": {"xor": {"amplitude": "1 V"}, "target": {"test_accuracy": 0.95}},
        "learning": {"rate": 0.1, "evaluate": {"every": 10}},
        "instruments": {
            "awg": {"driver": "ni.ao", "model": "PXIe-6738"},
            "daq": {"driver": "generic.digitizer", "bits": 16, "channels": 3},
        },
        "wiring": {
            "in0": {"drive": "awg/0", "through": "50 Ω", "sense": "daq/0"},
            "in1": {"drive": "awg/ao7", "through": "50 Ω", "sense": "daq/1"},
            "edges": "pots/0..1",
            "out0": {"error": "awg/ao8"},
        },
    }
    through = document.get(("wiring", "in1", "through"))
    assert through is not None
    assert through.origin == f"{iris}:14"
    assert document.mark_of(("wiring", "in1", "drive")) == Mark(str(path), 9, 16)
    assert document.key_mark_of(("learning", "rate")) == Mark(str(iris), 9, 12)
    assert document.mark_of(("learning", "none", "deeper")) == document.mark_of(("learning",))
    assert document.key_mark_of(("learning", "none")) == Mark(str(iris), 9, 1)
    assert document.get(("network", "layered")) is None


def test_later_bases_win_and_packaged_files_are_found(write: Any, tmp_path: Path) -> None:
    write("packaged/base.yaml", "a: 1\nb: 1\nc: 1\n")
    write("mine/more.yaml", "b: 2\nc: 2\n")
    path = write("mine/top.yaml", "extends: [base.yaml, more.yaml]\nc: 3\n")
    document = load(path, packaged=tmp_path / "packaged")
    assert plain(document.root) == {"a": 1, "b": 2, "c": 3}
    assert plain(load(Path("base.yaml"), packaged=tmp_path / "packaged").root) == {"a": 1, "b": 1, "c": 1}
    with pytest.raises(ConfigError, match=r"cannot read base\.yaml: No such file"):
        load(Path("base.yaml"), packaged=tmp_path)


def test_an_inherited_instrument_or_row_that_is_null_is_left_out(write: Any) -> None:
    write(
        "base.yaml",
        "instruments: {awg: {bits: 16}, err: {bits: 14}}\nwiring: {in0: awg/0, out0: err/0}\ntask: {encode: {}}\n",
    )
    path = write(
        "top.yaml",
        "extends: base.yaml\ninstruments: {err: null, own: null}\nwiring: {out0: null}\ntask: {encode: null}\n",
    )
    tree: Any = plain(load(path).root)
    assert tree["instruments"] == {"awg": {"bits": 16}, "own": None}  # nothing to leave out: `own` has no keys yet
    assert list(tree["wiring"]) == ["in0"]
    assert tree["task"] == {"encode": None}
    tree = plain(load(write("plain.yaml", "extends: base.yaml\n"), "instruments.err=null", "wiring.out0=null").root)
    assert (list(tree["instruments"]), list(tree["wiring"])) == (["awg"], ["in0"])


def test_extends_that_lead_nowhere_or_in_circles_are_faults(write: Any) -> None:
    write("a.yaml", "extends: b.yaml\n")
    write("b.yaml", "extends: [top.yaml]\n")
    write("binary.yaml", "\0")
    path = write("top.yaml", "extends:\n  - none.yaml\n  - a.yaml\n  - 3\n  - binary.yaml\n")
    document = load(path)
    assert document.broken
    assert messages(document) == [
        "b.yaml:1:11: extends[0]: 'top.yaml' extends itself, directly or through other files; remove it",
        "binary.yaml:1:1: a NUL character: this is a binary file, not a configuration",
        f"top.yaml:2:5: extends[0]: there is no file 'none.yaml' in {path.parent}",
        "top.yaml:4:5: extends[2]: expected the name of a file, got 3",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.yaml:1:1: the file is empty; start from an example, e.g. 'extends: [iris.yaml]'"),
        ("# only\n", "a.yaml:1:1: the file is empty; start from an example, e.g. 'extends: [iris.yaml]'"),
        ("\n- 1\n", "a.yaml:2:1: expected keys and values, got a list; start from an example"),
        ("hello", "a.yaml:1:1: expected keys and values, got 'hello'; start from an example"),
        ("a: [", "a.yaml:1:5: a value is missing here, or a bracket is not closed"),
    ],
)
def test_a_file_without_keys_is_one_fault(write: Any, text: str, message: str) -> None:
    document = load(write("a.yaml", text))
    assert document.broken
    assert len(document.problems) == 1
    assert messages(document)[0].startswith(message[:60])
    assert plain(document.root) == {}


def test_overrides_replace_values_and_make_missing_maps(write: Any) -> None:
    document = load(
        write("iris.yaml", IRIS),
        "learning.rate=1e-3",
        "limits.node=5 V",
        "network.programmable.range[1]=90 µS",
        "wiring.in1.through=1 kΩ",
        "network.grid={rows: 2, columns: 3}",
        "name=",
        "instruments.awg.resource=TCPIP::192.0.2.20::INSTR",
        "note=a=b",
    )
    assert not document.problems
    values = plain(document.root)
    assert values["learning"]["rate"] == 1e-3
    assert values["limits"] == {"node": "5 V"}
    assert values["network"] == {"programmable": {"range": ["10 µS", "90 µS"]}, "grid": {"rows": 2, "columns": 3}}
    assert values["wiring"]["in1"]["through"] == "1 kΩ"
    assert values["wiring"]["in0"]["through"] == "50 Ω"
    assert values["name"] is None
    assert values["instruments"]["awg"]["resource"] == "TCPIP::192.0.2.20::INSTR"
    assert values["note"] == "a=b"
    rate = document.get(("learning", "rate"))
    assert rate is not None
    assert (rate.mark, rate.key_mark, rate.origin) == (Mark("--set", 1, 15), Mark("--set", 1, 10), "--set")
    assert document.mark_of(("limits", "node")) == Mark("--set", 2, 13)


def test_a_wiring_set_whole_is_expanded(write: Any) -> None:
    document = load(write("iris.yaml", IRIS), "wiring={a0..a1: {drive: awg/0..1}}")
    assert plain(document.root)["wiring"] == {"a0": {"drive": "awg/0"}, "a1": {"drive": "awg/1"}}


def test_overrides_that_fit_nowhere_are_faults_in_the_override(write: Any) -> None:
    document = load(
        write("iris.yaml", IRIS),
        "learning.rate.x=1",
        "network.programmable.range[2]=1 S",
        "learning[0]=1",
        "learning.rate=[1",
        "learning.rate={a: 1, a: 2}",
    )
    assert messages(document) == [
        "--set:1:15: learning.rate.x: learning.rate is 0.1, not a map; it has no key 'x'",
        "--set:2:28: network.programmable.range[2]: network.programmable.range has 2 items; there is no item [2]",
        "--set:3:10: learning[0]: learning is a map, not a list; there is no item [0]",
        "--set:4:17: learning.rate: the list opened at line 1 needs ',' or ']' here",
        "--set:5:22: learning.rate.a: duplicate key 'a' (first at line 5)",
    ]
    assert "    learning.rate.x=1\n                  ^" in document.problems.render()
    assert plain(document.root)["learning"]["rate"] == 0.1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("learning.rate", "has no '='"),
        ("=3", "'' is not a valid key"),
        ("a..b=3", "name one node"),
        ("a[x]=3", "is not a valid key"),
        ("a[-1]=3", "is not a valid key"),
        ("[0]=3", "is not a valid key"),
        ("a=1\nb: 2", "line break"),
        ("extends=iris.yaml", "'extends' cannot be overridden"),
        (".".join("a" * 40) + "=1", "more than 32 parts"),
    ],
)
def test_malformed_overrides_are_usage_errors(write: Any, text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(write("iris.yaml", IRIS), text)
    assert message in str(caught.value)


def test_data_is_looked_up_beside_the_file_that_names_it(write: Any, tmp_path: Path) -> None:
    write("packaged/iris.csv", "x")
    write("base/data.csv", "x")
    write("base/iris.yaml", "data: data.csv\n")
    path = write("mine/top.yaml", "extends: ../base/iris.yaml\nother: data.csv\n")
    own = write("mine/own.csv", "x")
    document = load(path, "set=own.csv", packaged=tmp_path / "packaged")
    data, other = document.get(("data",)), document.get(("other",))
    found = document.locate("data.csv", data)
    assert found is not None
    assert found.resolve() == tmp_path / "base" / "data.csv"
    assert document.locate("data.csv", other) is None
    assert document.locate("iris.csv", other) == tmp_path / "packaged" / "iris.csv"
    assert document.locate("own.csv") == own
    assert document.locate("own.csv", document.mark_of(("set",))) == own
    assert document.locate(str(own), data) == own
    assert document.locate("a\0b", data) is None
    assert document.locate("a" * 5000, data) is None


def test_the_places_where_a_file_was_looked_for_depend_on_what_names_it(write: Any, tmp_path: Path) -> None:
    (tmp_path / "packaged").mkdir()
    document = load(write("mine/top.yaml", "data: none.csv\n"), "set=none.csv", packaged=tmp_path / "packaged")
    given = document.searched(document.mark_of(("set",)))
    assert given == "in the working directory, next to the configuration, or among the files that come with labrig"
    written = document.searched(document.get(("data",)))
    assert written == "next to the configuration that names it or among the files that come with labrig"


def test_the_merged_file_loads_again_to_the_same(write: Any) -> None:
    write("iris.yaml", IRIS)
    path = write("top.yaml", "extends: iris.yaml\nx: &a ['1e3', on, '~', 1.0, 1, µ]\ny: *a\n")
    document = load(path)
    text = to_yaml(document)
    assert "extends" not in text
    assert "&" not in text
    assert "50 Ω" in text
    again = load(write("again.yaml", text))
    assert not again.problems
    assert plain(again.root) == plain(document.root)


@settings(max_examples=150)
@given(
    st.one_of(
        st.binary(max_size=60), st.text(max_size=60).map(lambda text: f"wiring: {text}".encode("utf-8", "ignore"))
    )
)
def test_any_bytes_are_a_document_or_a_config_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content)
    try:
        document = load_document(path, packaged=None)
    except ConfigError:
        return
    assert document.problems.render()
    again = path.with_name("again.yaml")
    again.write_text(to_yaml(document), encoding="utf-8")
    if not document.problems:
        assert repr(plain(load_document(again, packaged=None).root)) == repr(plain(document.root))


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_override_is_applied_or_refused(tmp_path_factory: pytest.TempPathFactory, name: str, value: str) -> None:
    path = tmp_path_factory.getbasetemp() / "iris.yaml"
    path.write_text(IRIS, encoding="utf-8")
    for text in (f"{name}={value}", f"learning.{value}={name}", f"learning.rate={value}"):
        try:
            document = load_document(path, packaged=None, overrides=[text])
        except UsageError:
            continue
        assert document.problems.render()


def test_a_folder_whose_name_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "caf\udce9"
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("the file system takes only UTF-8")
    (folder / "a.yaml").write_text("a: 1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"caf\\xe9.* is not UTF-8 text \(remedy: rename the folder"):
        load_document(folder / "a.yaml", packaged=None)
