"""Clocks and start triggers of NI cards, as far as the file tells: what cannot work is refused, the rest is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from labrig.assembly import assemble
from labrig.config.problems import ConfigProblems

CHAIN = """version: 1
extends: [iris.yaml]
bench: wire
learning: {{epochs: 1}}
instruments:
  awg:  {{driver: ni.ao, {awg}}}
  daq:  {{driver: ni.ai, {daq}, full_scale: 2 V}}
  pots: {{driver: labrig.digipot_bank, resource: /dev/ttyUSB0, baud: 500000, supply: [-2.5 V, 2.5 V],
          chips: [{{part: MCP4251-104, count: 15}}]}}
wiring:
  in0..in9:   {{drive: awg/ao0..ao9, sense: daq/ai0..ai9}}
  out0..out2: {{error: awg/ao10..ao12, sense: daq/ai10..ai12}}
  pilot:      {{drive: awg/ao13, sense: daq/ai13}}
acquisition: {{sample_rate: 1.5 kS/s, window: 30 ms, settle: 5 ms, band: [200 Hz, 700 Hz]}}
{timing}
"""
AWG = "model: PXIe-6738, resource: PXI1Slot3"
DAQ = "model: PXIe-6363, resource: PXI1Slot4"
OTHER_CHASSIS = "model: PXIe-6363, resource: PXI2Slot4, export_start: PFI3"
START = "start_trigger: /PXI1Slot4/ai/StartTrigger"
CABLED = "timing: {clock: {master: daq, followers: [awg]}}"
PCIE = "model: PCIe-6363, resource: Dev1"


def file(folder: Path, awg: str, daq: str, timing: str = "") -> Path:
    path = folder / "tones.yaml"
    path.write_text(CHAIN.format(awg=awg, daq=daq, timing=timing), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("awg", "daq", "timing"),
    [
        (f"{AWG}, {START}", DAQ, ""),
        (f"{AWG}, start_trigger: /pxi1slot4/AI/starttrigger", DAQ, ""),
        (f"{AWG}, {START}", "model: PXIe-6363, resource: pxi1slot4, reference_clock: pxi_clk10", ""),
        (f"{AWG}, start_trigger: /daqcard/ai/StartTrigger", "model: PXIe-6363, resource: DaqCard", ""),
        (f"{AWG}, start_trigger: PFI0", OTHER_CHASSIS, CABLED),
        (f"{AWG}, start_trigger: PXI_Trig0", f"{DAQ}, export_start: PXI_Trig0", ""),
        (f"{AWG}, start_trigger: /PXI1Slot3/PFI0", f"{DAQ}, export_start: PFI3", ""),
        (f"{AWG}, {START}", f"{DAQ}, export_start: /PXI1Slot3/PFI0", ""),
        (f"{AWG}, {START}", f"{DAQ}, sample_clock: PFI7", CABLED),
        (f"{AWG}, {START}", f"{DAQ}, sample_clock: OnboardClock", ""),
        (AWG, DAQ, ""),  # all tones are the awg's, so their phases are relative to its own pilot
        (
            "model: PCIe-6738, resource: Dev2, reference_clock: /dev1/10mhzrefclock, "
            "start_trigger: /dev1/ai/StartTrigger",
            PCIE,
            "",
        ),
    ],
)
def test_what_can_work_is_accepted(tmp_path: Path, awg: str, daq: str, timing: str) -> None:
    assemble(file(tmp_path, awg, daq, timing))


@pytest.mark.parametrize(
    ("awg", "daq", "timing", "place", "message"),
    [
        (
            f"{AWG}, start_trigger: PFI0",
            OTHER_CHASSIS,
            "",
            "instruments.awg",
            "they follow the clock of PXI chassis 1, but the samples of daq follow the clock of PXI chassis 2; use "
            "cards of one chassis, or connect the 10 MHz output of daq's chassis to the 10 MHz input of awg's chassis "
            "and write 'clock: {master: daq, followers: [awg]}' under timing",
        ),
        (
            f"{AWG}, {START}",
            f"{DAQ}, sample_clock: PFI7",
            "",
            "instruments.awg",
            "the samples of daq follow the clock at PFI7; connect the 10 MHz output of the instrument that clocks",
        ),
        (
            f"{AWG}, {START}, reference_clock: OnboardClock",
            DAQ,
            "",
            "instruments.awg.reference_clock",
            "they follow the oscillator of PXI1Slot3",
        ),
        (
            f"{AWG}, start_trigger: /PXI2Slot4/ai/StartTrigger",
            OTHER_CHASSIS,
            CABLED,
            "instruments.awg.start_trigger",
            "is in another PXI chassis",
        ),
        (
            f"{AWG}, start_trigger: PXI_Trig0",
            "model: PXIe-6363, resource: PXI2Slot4, export_start: PXI_Trig0",
            CABLED,
            "instruments.awg.start_trigger",
            "no instrument in this file outputs its start at PXI_Trig0",
        ),
        (
            f"{AWG}, start_trigger: ai/StartTrigger",
            DAQ,
            "",
            "instruments.awg.start_trigger",
            "no start signal comes from it; write '/PXI1Slot4/ai/StartTrigger', the start of daq",
        ),
        (
            f"{AWG}, start_trigger: PXI1Slot4/ai/StartTrigger",
            DAQ,
            "",
            "instruments.awg.start_trigger",
            "write '/PXI1Slot4/ai/StartTrigger', with a leading slash",
        ),
        (
            f"{AWG}, start_trigger: /pxi1slot3/ao/StartTrigger",
            DAQ,
            "",
            "instruments.awg.start_trigger",
            "own start",
        ),
        (
            f"{AWG}, start_trigger: /PXI1Slot9/ai/StartTrigger",
            DAQ,
            "",
            "instruments.awg.start_trigger",
            "no instrument in this file is the device 'PXI1Slot9'; the NI devices are PXI1Slot3, PXI1Slot4",
        ),
        (
            f"{AWG}, {START}",
            f"{DAQ}, export_start: /PXI1Slot9/PFI0",
            "",
            "instruments.daq.export_start",
            "no instrument in this file is the device 'PXI1Slot9'",
        ),
        (
            f"{AWG}, {START}",
            DAQ,
            "timing: {trigger: {from: daq/start, line: /PXI1Slot9/PFI0}}",
            "timing.trigger.line",
            "no instrument in this file is the device 'PXI1Slot9'",
        ),
        (
            f"{AWG}, start_trigger: PXI_Trig0",
            DAQ,
            "",
            "instruments.awg.start_trigger",
            "no instrument in this file outputs its start at PXI_Trig0; export the start of daq (export_start)",
        ),
        (
            f"{AWG}, start_trigger: PFI0",
            DAQ,
            "",
            "instruments.awg.start_trigger",
            "no cable can bring it to PFI0",
        ),
        (
            f"{AWG}, start_trigger: /PXI1Slot4/ai/ReferenceTrigger",
            DAQ,
            "",
            "instruments.awg.start_trigger",
            "have no reference trigger",
        ),
        (
            f"{AWG}, {START}",
            f"{DAQ}, start_trigger: ai/StartTrigger",
            "",
            "instruments.daq.start_trigger",
            "own start",
        ),
        (
            AWG,
            "model: PXIe-6363, resource: pxi1slot3",
            "",
            "instruments.daq.resource",
            "'pxi1slot3' is a PXIe-6738 in awg, but a PXIe-6363 here",
        ),
        (AWG, "model: PXIe-6364, resource: PXI1Slot4", "", "instruments.daq.model", "did you mean PXIe-636"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path: Path, awg: str, daq: str, timing: str, place: str, message: str) -> None:
    with pytest.raises(ConfigProblems) as raised:
        assemble(file(tmp_path, awg, daq, timing))
    (problem,) = raised.value.problems
    assert problem.path == place
    assert message in problem.message
