"""Cards that labs have, each checked, planned, examined and trained on virtual counterparts; what they cannot do is
refused by name.

The sources of the virtual cards' values are in ../README.md.
"""

from __future__ import annotations

import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from labrig.cli.main import main
from labrig.procedures import doctor

POTS = (
    "{driver: labrig.digipot_bank, resource: /dev/ttyUSB0, chips: [{part: MCP4251-104, count: 1}], "
    "supply: [-2.5 V, 2.5 V]}"
)

CDAQ = {
    "awg": "{driver: ni.ao, model: NI-9263, resource: cDAQ1Mod2, chassis: cDAQ-9174, start_trigger: ai/StartTrigger}",
    "daq": "{driver: ni.ai, model: NI-9215, resource: cDAQ1Mod1, chassis: cDAQ-9174}",
}
TWO_PCI = {
    "awg": "{driver: ni.ao, model: PCIe-6738, resource: Dev2, reference_clock: /Dev1/10MHzRefClock, "
    "start_trigger: /Dev1/ai/StartTrigger}",
    "daq": "{driver: ni.ai, model: PCI-6221, resource: Dev1, full_scale: 5 V}",
}
USB = {
    "levels": "{driver: ni.ao, model: USB-6211, resource: Dev2}",
    "awg": "{driver: ni.ao, model: USB-6211, resource: Dev1, start_trigger: ai/StartTrigger}",
    "daq": "{driver: ni.ai, model: USB-6211, resource: Dev1, full_scale: 5 V}",
}
THREE = {"in0": "{drive: awg/ao0, sense: daq/ai0}", "out0": "{error: awg/ao1, sense: daq/ai1}"}
THREE["pilot"] = "{drive: awg/ao2, sense: daq/ai2}"
"""A USB-6211 has two outputs; another one, which needs no clock, gives the level of the input."""
FOUR = {"in0": "{drive: levels/ao0, sense: daq/ai0}", "out0": "{error: awg/ao0, sense: daq/ai1}"}
FOUR["pilot"] = "{drive: awg/ao1, sense: daq/ai2}"

LABS = {
    "cDAQ-9174 with NI-9215 and NI-9263": (CDAQ, THREE, {"awg": "NI 9263", "daq": "NI 9215"}),
    "PCI-6221 and PCIe-6738 over RTSI": (TWO_PCI, THREE, {"awg": "PCIe-6738", "daq": "PCI-6221"}),
    "two USB-6211": (USB, FOUR, dict.fromkeys(USB, "USB-6211")),
}


def written(folder: Path, instruments: dict[str, str], wiring: dict[str, str], more: str = "") -> str:
    """A divider on these instruments; returns the path of its file."""
    lines = ["version: 1", "extends: [divider.yaml]", "name: lab", "bench: wire", "learning: {epochs: 12}"]
    lines += ["instruments:", *(f"  {name}: {entry}" for name, entry in instruments.items()), f"  pots: {POTS}"]
    lines += ["wiring:", *(f"  {node}: {row}" for node, row in wiring.items()), more]
    path = folder / "lab.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def labrig(*words: str) -> tuple[int, list[dict[str, Any]], str]:
    """Exit code, JSON lines, and what was said on the error stream."""
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        code = main([*words, "--json"])
    return code, [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue()


@pytest.mark.more
@pytest.mark.parametrize(
    "lab", [pytest.param(lab, marks=pytest.mark.long if k > 0 else ()) for k, lab in enumerate(LABS)]
)
def test_a_lab_is_checked_planned_examined_and_trained(
    lab: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "machine_probes", lambda runs_dir: {})
    instruments, wiring, models = LABS[lab]
    config = written(tmp_path, instruments, wiring)
    assert labrig("check", config)[0] == 0
    assert labrig("plan", config)[0] == 0
    code, (examined,), _ = labrig("doctor", config)
    assert code == 0, examined
    states = {row["name"]: (row["state"], row["model"]) for row in examined["instruments"]}
    assert {name: states[name] for name in models} == {name: ("answers", model) for name, model in models.items()}
    code, lines, said = labrig("run", config, "--no-plots", "--run-dir", str(tmp_path / "run"))
    assert code == 0, said
    (finished,) = [line for line in lines if line["event"] == "finished"]
    assert finished["metrics"]["loss"] < finished["metrics"]["initial_loss"] / 20


def refusals(folder: Path, instruments: dict[str, str], wiring: dict[str, str] = THREE, more: str = "") -> str:
    """What `labrig check` says."""
    code, lines, said = labrig("check", written(folder, instruments, wiring, more))
    assert code != 0
    return said + json.dumps(lines, ensure_ascii=False)


SDG = "{driver: siglent.sdg, model: SDG2042X, resource: 'TCPIP::192.0.2.20::INSTR'}"
TIMED = "timing: {clock: {master: daq, followers: [awg]%s}, trigger: {from: daq/start, to: [awg]%s}}"
OTHER_SDG = SDG.replace(".20::", ".21::")
GENERATORS = {"in0": "{drive: awg/1, sense: daq/ai0}", "out0": "{error: awg/2, sense: daq/ai1}"}
GENERATORS["pilot"] = "{drive: err/1, sense: daq/ai2}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"daq": CDAQ["daq"].replace("9215", "9239")}, "labrig cannot use NI-9239: its delta-sigma converters"),
        ({"daq": TWO_PCI["awg"].replace("ni.ao", "ni.ai")}, "no analog inputs"),
        ({"awg": "{driver: ni.ao, model: USB-6210, resource: Dev1}"}, "USB-6210 has no analog outputs"),
        ({"daq": CDAQ["daq"].replace("}", ", terminal: rse}")}, "the inputs of NI-9215 can only be differential"),
        ({"awg": CDAQ["awg"].replace("}", ", update_rate: 200 kS/s}")}, "plays up to 100000 S/s on all channels"),
        ({"daq": CDAQ["daq"].replace("}", ", reference_clock: PFI0}")}, "cannot be locked to a reference clock"),
        ({"daq": CDAQ["daq"].replace("9215", "9216")}, "lists the models it knows, and `card:` describes others"),
        (
            {"awg": "{driver: ni.ao, model: PCIe-6738, resource: Dev2, start_trigger: PFI0}"},
            "the tones of awg would drift: they follow the oscillator of Dev2, but the samples of daq follow the clock "
            "of cDAQ1; lock it to the digitizer's clock",
        ),
    ],
)
def test_what_a_card_cannot_do_is_refused_by_name(change: dict[str, str], message: str, tmp_path: Path) -> None:
    assert message in refusals(tmp_path, {**CDAQ, **change})


def test_tones_of_a_card_that_cannot_be_locked_are_refused_and_its_levels_are_not(tmp_path: Path) -> None:
    other = "{driver: ni.ao, model: USB-6211, resource: Dev2, start_trigger: PFI0}"
    said = refusals(tmp_path, {"levels": other, "awg": other.replace("Dev2", "Dev3"), "daq": USB["daq"]}, FOUR)
    assert "use outputs of the digitizer's device or chassis for the tones; it can play levels" in said
    assert "the tones of awg would drift" in said
    assert "the tones of levels" not in said


@pytest.mark.parametrize(
    ("digitizer", "clock", "trigger", "messages"),
    [
        (
            USB["daq"],
            ", line: PFI1",
            ", line: PFI0",
            (
                "daq has no terminal that outputs the clock that its samples follow; use its own outputs",
                "daq cannot output its start trigger at PFI0; use one of PFI4 to PFI7",
            ),
        ),
        (CDAQ["daq"], "", "", ("daq has no terminal that outputs its start trigger for awg", "(cDAQ-9178)")),
        (CDAQ["daq"], "", ", line: PFI0", ("daq has no terminal that outputs its start trigger;",)),
        (
            "{driver: ni.ai, model: PXI-6221, resource: PXI1Slot4}",
            ", line: /PXI1Slot4/PXI_Trig1",
            ", line: PFI0",
            ("its terminals would output the card's own oscillator",),
        ),
        (TWO_PCI["daq"], ", line: PFI1", ", line: PFI0", ("follow at PFI1; use one of RTSI0 to RTSI7",)),
        (
            "{driver: ni.ai, model: PXIe-6363, resource: PXI1Slot4}",
            ", line: PFI1",
            ", line: PFI0",
            ("its terminals would output the card's own oscillator; connect the 10 MHz output of the chassis",),
        ),
    ],
)
def test_generators_need_terminals_that_the_digitizer_has(
    digitizer: str, clock: str, trigger: str, messages: tuple[str, ...], tmp_path: Path
) -> None:
    said = refusals(tmp_path, {"awg": SDG, "err": OTHER_SDG, "daq": digitizer}, GENERATORS, TIMED % (clock, trigger))
    for message in messages:
        assert message in said


def test_a_card_on_the_board_of_a_chassis_may_use_its_own_oscillator(tmp_path: Path) -> None:
    digitizer = "{driver: ni.ai, model: PXIe-6363, resource: PXI1Slot4, reference_clock: onboard}"
    instruments = {"awg": SDG, "err": OTHER_SDG, "daq": digitizer}
    timing = (TIMED % (", line: PFI1", ", line: PFI0")).replace("[awg]", "[awg, err]")
    code, _, said = labrig(
        "check", written(tmp_path, instruments, GENERATORS, f"{timing}\nacquisition: {{settle: 5 ms}}")
    )
    assert code == 0, said


ODD = (
    "card: {channels: 8, bits: 14, single_rate: 40 kS/s, multi_rate: 40 kS/s, ranges: [20 V, 10 V], "
    "simultaneous: false, terminals: [rse], timebase: 20 MHz}"
)
ODD_AO = "card: {channels: 3, bits: 12, single_rate: 50 kS/s, all_rate: 50 kS/s, full_scale: 5 V, timebase: 20 MHz}"


@pytest.mark.more
def test_a_card_that_is_not_in_the_table_is_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "machine_probes", lambda runs_dir: {})
    start = "start_trigger: ai/StartTrigger"
    awg = f"{{driver: ni.ao, model: PCI-9999, resource: Dev1, {start}, settle: 9 µs, output_resistance: 1 Ω, {ODD_AO}}}"
    daq = f"{{driver: ni.ai, model: PCI-9999, resource: Dev1, {ODD}}}"
    config = written(tmp_path, {"awg": awg, "daq": daq}, THREE, "acquisition: {sample_rate: 10 kS/s}")
    code, (examined,), _ = labrig("doctor", config)
    assert code == 0, examined
    code, lines, said = labrig("run", config, "--no-plots", "--run-dir", str(tmp_path / "run"))
    assert code == 0, said
    metrics = lines[-1]["metrics"]
    assert metrics["loss"] < metrics["initial_loss"] / 10


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            "{driver: ni.ai, model: PCI-9999, resource: Dev1, card: {channels: 8}}",
            "it also needs single_rate, multi_rate",
        ),
        (
            f"{{driver: ni.ao, model: PCI-9999, resource: Dev1, {ODD_AO}}}",
            "settle: labrig has no value for PCI-9999; set it from the data sheet",
        ),
    ],
)
def test_a_fact_that_is_missing_is_named(entry: str, message: str, tmp_path: Path) -> None:
    name = "daq" if "ni.ai" in entry else "awg"
    assert message in refusals(tmp_path, {**TWO_PCI, name: entry})
