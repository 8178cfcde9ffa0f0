"""`labrig plan --wiring`: every channel, part and cable once, with the pins of the chips."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labrig.cli.main import main


def sheet(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, Any]:
    assert main(["plan", "--wiring", "--json", *argv]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    (line,) = captured.out.splitlines()
    said = json.loads(line)
    assert set(said) == {"event", "config", "nodes", "edges", "fixed", "lines"}
    assert said["event"] == "wiring"
    return said


def test_every_channel_is_on_the_sheet_once(capsys: pytest.CaptureFixture[str]) -> None:
    said = sheet(capsys, "iris_wire.yaml")
    channels = [(row["instrument"], row["channel"]) for row in (*said["nodes"], *said["edges"])]
    assert len(channels) == len(set(channels)) == 10 + 4 + 14 + 30
    nodes = list(dict.fromkeys(row["node"] for row in said["nodes"]))
    assert nodes == [*(f"in{k}" for k in range(10)), "out0", "out1", "out2", "pilot"]
    out1 = [row for row in said["nodes"] if row["node"] == "out1"]
    assert [(row["what"], row["instrument"], row["model"], row["channel"]) for row in out1] == [
        ("error", "err1", "SDG2042X", "2"),
        ("sense", "daq", "PXIe-6363", "ai11"),
    ]
    assert (out1[0]["through_ohm"], out1[0]["resistor_ohm"]) == (100e3, 99950.0)
    pilot = next(row for row in said["nodes"] if row["node"] == "pilot")
    assert (pilot["through_ohm"], pilot["resistor_ohm"]) == (50.0, 0.0)


def test_a_current_source_is_on_the_sheet_with_what_it_is_built_for(capsys: pytest.CaptureFixture[str]) -> None:
    through = "wiring.out0.through={howland: 10 µA/V, output_resistance: 5 MΩ, compliance: 3 V}"
    nodes = sheet(capsys, "divider.yaml", "--set", through)["nodes"]
    error = next(row for row in nodes if row["what"] == "error")
    assert error["howland"] == {"transconductance_s": 10e-6, "compliance_v": 3.0}
    assert (error["howland_ohm"], error["through_ohm"], error["resistor_ohm"]) == (5e6, None, None)
    assert main(["plan", "--wiring", "divider.yaml", "--set", through]) == 0
    assert "Howland 10 µA/V, 5 MΩ, ± 3 V" in capsys.readouterr().out


def test_rheostats_of_the_bank_have_the_pins_of_the_firmware_s_wiring_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    edges = sheet(capsys, "iris_wire.yaml")["edges"]
    assert [(row["edge"], row["node"], row["to"], row["channel"], row["pin"]) for row in edges[6:8]] == [
        ("in2-out0", "in2", "out0", "6", "chip 3 P0: W 9, B 10"),
        ("in2-out1", "in2", "out1", "7", "chip 3 P1: W 6, B 5"),
    ]
    assert {row["model"] for row in edges} == {"MCP4251-104"}
    readme = (Path(__file__).parents[2] / "drivers" / "firmware" / "README.md").read_text(encoding="utf-8")
    table = " ".join(readme.split())
    assert "Channel 2k is P0 of chip k (W pin 9, B pin 10), channel 2k + 1 is P1 (W pin 6, B pin 5)" in table


def test_clock_and_trigger_are_cables(capsys: pytest.CaptureFixture[str]) -> None:
    lines = sheet(capsys, "iris_wire.yaml")["lines"]
    assert [(line["what"], line["source"], line["to"]) for line in lines] == [
        ("clock", "10 MHz output of daq's chassis", "err1 10 MHz input"),
        ("clock", "10 MHz output of daq's chassis", "err2 10 MHz input"),
        ("trigger", "daq PFI0", "err1 trigger input"),
        ("trigger", "daq PFI0", "err2 trigger input"),
    ]


def test_a_generic_bank_has_the_pins_of_its_part_and_a_lone_board_no_cables(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = sheet(capsys, "divider.yaml")
    assert [(row["edge"], row["pin"]) for row in said["edges"]] == [("in0-out0", "chip 0 P0: W 9, B 10")]
    assert said["lines"] == said["fixed"] == []


def test_fixed_resistors_and_diodes_are_soldered_too(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["iris_hidden.yaml", "--set", "network.resistors=[{from: ground, to: out0, value: 47 kΩ}]"]
    rows = [(row["what"], row["model"], row["node"], row["to"], row["pin"]) for row in sheet(capsys, *argv)["fixed"]]
    assert len(rows) == 2 * 4 + 1
    assert rows[:2] == [
        ("diode", "1 × BAT54", "hid0", "ground", "anode, cathode"),
        ("diode", "1 × BAT54", "ground", "hid0", "anode, cathode"),
    ]
    assert rows[-1] == ("resistor", "47 kΩ", "ground", "out0", "")
    assert main(["plan", "--wiring", *argv]) == 0
    assert "1 × BAT54  ground  hid0" in capsys.readouterr().out


def test_the_text_holds_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--wiring", "iris_wire.yaml"]) == 0
    text = capsys.readouterr().out
    cells = [line.split() for line in text.splitlines()]
    assert ["out0", "sense", "daq", "PXIe-6363", "ai10"] in cells
    assert any(line.startswith("in2-out1 ") and line.endswith("chip 3 P1: W 6, B 5") for line in text.splitlines())
    assert "solder 99.95 kΩ, nearest E96 value 100 kΩ (50 Ω internal)" in text
    assert "Ground: join the grounds of awg, daq, err1, err2, pots and of the board" in text
    assert "nothing (50 Ω internal)" in text
    assert "drivers/firmware/README.md" in text
