"""`simulation.faults`: every mistake in it is named with its place and its remedy."""

from __future__ import annotations

import re

import pytest
from unit.rig.benches import assembled

from labrig.assembly import assemble, packaged_configs
from labrig.config.problems import ConfigProblems
from labrig.simulation.faults import FAULTS, SIMULATED_PLACES

MISTAKES = [
    ("{what: resett, where: pots, time: 1 s}", "what", "'resett' is not one of 'dropped_bytes', "),
    ("{what: fire, where: pots, time: 1 s}", "what", "'fire' is not one of 'dropped_bytes', 'corrupt_bytes', "),
    ("{what: reset, where: potz, time: 1 s}", "where", "'potz' is not an instrument of this file, which has awg, "),
    ("{what: nak, where: daq, time: 1 s}", "where", "nak acts on a programmer, but daq is a digitizer"),
    ("{what: over_range, where: daq, time: 1 s}", "where", "acts on one channel; write e.g. 'daq/ai0'"),
    ("{what: over_range, where: daq/ai99, time: 1 s}", "where", "daq has no channel 'ai99'; it has ai0 to ai31"),
    (
        "{what: over_range, where: daq/ai30, time: 1 s}",
        "where",
        "'daq/ai30' senses nothing, so over_range does nothing; the wired channels of daq are ai0 to ai13",
    ),
    ("{what: nak, where: pots, time: 1 s, for: 0}", "for", "a count of at least 1, or a time such as '100 ms', got 0"),
    ("{what: nak, where: pots, time: 1 s, for: 2.5}", "for", "or a time such as '100 ms', got 2.5"),
    ("{what: silent, where: daq/ai3, time: 1 s}", "where", "acts on the whole instrument; write 'daq'"),
    ("{what: reset, where: awg, time: 1 s}", "what", "the virtual ni.ao cannot simulate reset"),
    ("{what: late_bytes, where: pots, time: 1 s}", "by", "missing required key 'by', e.g. 'by: 20 ms'"),
    (
        "{what: nak, where: pots, time: 1 s, by: 1 ms}",
        "by",
        "unknown key 'by'; allowed: what, where, ",
    ),
    ("{what: reset, where: pots, time: 1 s, for: 1 s}", "for", "happens at once and takes no 'for'"),
    ("{what: silent, where: pots, time: 1 s, for: 3}", "for", "silent takes a duration such as '100 ms', got 3"),
    ("{what: nak, where: pots, time: 1 s, for: 3 V}", "for", "'3 V' is a voltage, expected a time"),
    ("{what: nak, where: pots}", "", "write exactly one of acquisition, time"),
    ("{what: nak, where: pots, time: 1 s, acquisition: 3}", "time", "write exactly one of acquisition, time, not"),
    ("{what: nak, where: pots, acquisition: 0}", "acquisition", "must be at least 1"),
    ("{what: nak, where: pots, step: 3}", "step", "unknown key 'step'"),
]


def refused(*overrides: str) -> ConfigProblems:
    with pytest.raises(ConfigProblems) as raised:
        assembled("iris_wire", *overrides)
    return raised.value


@pytest.mark.parametrize(("entry", "key", "says"), MISTAKES, ids=[entry for entry, _, _ in MISTAKES])
def test_a_mistake_is_one_error_at_its_place(entry, key, says):
    (fault,) = refused(f"simulation.faults=[{entry}]").problems
    assert fault.path == "simulation.faults[0]" + (f".{key}" if key else "")
    assert says in fault.message


def test_all_of_them_are_reported_each_with_its_line_and_a_caret(tmp_path):
    path = tmp_path / "faulty.yaml"
    path.write_text(
        "version: 1\nextends: [iris_wire.yaml]\nname: faulty\nsimulation:\n  faults:\n"
        "    - {what: resett, where: potz, time: 1 s}\n"
        "    - {what: reset, where: pots, time: 1 s}\n"
        "    - {what: nak, where: daq, time: 1 s}\n"
    )
    from labrig.assembly import assemble

    with pytest.raises(ConfigProblems) as raised:
        assemble(path)
    assert [fault.path for fault in raised.value.problems] == [
        "simulation.faults[0].what",
        "simulation.faults[0].where",
        "simulation.faults[2].where",
    ]
    assert re.search(r"faulty\.yaml:6:14: simulation.*\n {4} +- \{what: resett.*\n {17}\^", str(raised.value))


@pytest.mark.parametrize(
    ("entry", "able"),
    [
        ("{what: corrupt_bytes, where: pots, time: 1 s}", False),
        ("{what: reset, where: err1, time: 1 s}", False),
        ("{what: late_replies, where: daq, by: 1 ms, time: 1 s}", False),
        ("{what: reset, where: pots, time: 1 s}", True),
        ("{what: over_range, where: daq/ai3, acquisition: 3, for: 2}", True),
        ("{what: disconnect, where: awg, time: 1 s, for: 1 s}", True),
    ],
)
def test_the_simulated_bench_refuses_what_it_cannot_make(entry, able):
    overrides = (f"simulation.faults=[{entry}]", "bench=simulated")
    assert len(assembled("iris_wire", overrides[0]).faults) == 1
    if able:
        assert len(assembled("iris_wire", *overrides).faults) == 1
        return
    (fault,) = refused(*overrides).problems
    assert "the simulated bench cannot produce" in fault.message
    assert "write 'bench: wire'" in fault.message


def test_hardware_makes_no_faults():
    (fault,) = refused("simulation.faults=[{what: reset, where: pots, time: 1 s}]", "bench=hardware").problems
    assert "'bench: hardware' cannot simulate faults" in fault.message


@pytest.mark.parametrize("fault", ["{what: edge_drift, where: cells/3, by: 0.2", "{what: reset, where: cells"])
def test_what_does_nothing_to_memristors_is_refused(fault: str) -> None:
    with pytest.raises(ConfigProblems, match="does not act on the simulated memristors of cells"):
        assemble(packaged_configs() / "iris_memristor.yaml", [f"simulation.faults=[{fault}, acquisition: 200}}]"])


def test_a_misspelt_fault_gets_a_hint():
    (fault,) = refused("simulation.faults=[{what: resett, where: pots, time: 1 s}]").problems
    assert fault.message.endswith("; did you mean 'reset'?")


@pytest.mark.parametrize("name", FAULTS.own)
def test_the_readme_has_a_row_for_every_fault(name):
    kind = FAULTS.find(name)
    readme = (packaged_configs() / "README.md").read_text(encoding="utf-8")
    (row,) = [line for line in readme.splitlines() if line.startswith(f"| `{name}` |")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[3] == (kind.counts or "–")
    assert (cells[2] == "no") == all(kind.place not in SIMULATED_PLACES[each] for each in kind.kinds)
    assert ("`by`" in cells[4]) == ("by" in kind.Options.model_fields)
