"""A generator by somebody else with its virtual counterpart, in one file: checked, and trained on `bench: wire`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from extension.conftest import Laboratory

PACKAGE = Path(__file__).with_name("mylab_generator.py")

CONFIG = """\
version: 1
extends: [divider.yaml]
name: mine
bench: wire
learning: {epochs: 25}
instruments:
  awg:  {driver: mylab.trio, resource: "TCPIP::192.0.2.9::5025::SOCKET"}
  daq:  {driver: ni.ai, model: PXIe-6363, resource: PXI1Slot4, full_scale: 2 V}
  pots: {driver: labrig.digipot_bank, resource: /dev/ttyUSB0, chips: [{part: MCP4251-104, count: 1}],
         supply: [-2.5 V, 2.5 V]}
wiring:
  in0:   {drive: awg/1, sense: daq/ai0}
  out0:  {error: awg/2, sense: daq/ai1}
  pilot: {drive: awg/3, sense: daq/ai2}
timing:
  clock:   {master: daq, followers: [awg]}
  trigger: {from: daq/start, to: [awg], line: PFI0}
acquisition: {settle: 5 ms}
"""


def install(laboratory: Laboratory, more: str = "") -> None:
    source = PACKAGE.read_text(encoding="utf-8") + more
    laboratory.install("mylab_generator", source, {"labrig.drivers": "mylab = mylab_generator:DRIVERS"})
    laboratory.write("mine.yaml", CONFIG)


@pytest.fixture
def mylab(laboratory: Laboratory) -> Laboratory:
    install(laboratory)
    return laboratory


def test_it_is_listed_and_its_entry_is_checked(mylab: Laboratory) -> None:
    (listed,) = mylab.labrig("drivers")
    (mine,) = [driver for driver in listed["drivers"] if driver["driver"] == "mylab.trio"]
    assert mine == {"driver": "mylab.trio", "kind": "source", "models": {"Trio": "runs in my lab"}} | {
        "virtual": "trio",
        "unverified": [],
    }
    mylab.labrig("check", "mine.yaml")
    (wrong,) = mylab.labrig("check", "mine.yaml", "--set", "instruments.awg.deadline=2 V", code=3)
    assert "instruments.awg.deadline" in json.dumps(wrong)


def test_a_board_is_trained_by_it_on_the_wire(mylab: Laboratory) -> None:
    """The output is 50 mV from its target at first; a step of the potentiometer moves it by 2 mV there."""
    *_, finished = mylab.labrig("run", "mine.yaml", "--no-plots")
    assert (finished["event"], finished["steps"]) == ("finished", 25)
    assert finished["metrics"]["initial_loss"] == pytest.approx(0.05**2, rel=1e-6)
    assert finished["metrics"]["loss"] < 0.003**2


@pytest.mark.more
def test_faults_of_the_configuration_strike_it(mylab: Laboratory) -> None:
    fault = "simulation.faults=[{what: %s, where: awg, acquisition: 4}]"
    lines = mylab.labrig("run", "mine.yaml", "--no-plots", "--set", fault % "silent", code=4)
    errors = [line for line in lines if line["event"] == "error"]
    assert errors[0]["kind"] == "DeadlineExceeded"
    assert errors[0]["message"].startswith("awg: ")
    (wrong,) = mylab.labrig("check", "mine.yaml", "--set", fault % "reset", code=3)
    assert "the virtual mylab.trio cannot simulate reset" in json.dumps(wrong)


def test_without_its_virtual_counterpart_it_is_refused_on_the_wire_only(laboratory: Laboratory) -> None:
    install(laboratory, "import dataclasses\n\nDRIVERS = (dataclasses.replace(DRIVERS[0], virtual=None),)\n")
    (wrong,) = laboratory.labrig("check", "mine.yaml", code=3)
    assert "mylab.trio has no virtual counterpart" in json.dumps(wrong)
    laboratory.labrig("check", "mine.yaml", "--set", "bench=simulated")


def test_a_counterpart_that_cannot_be_imported_is_reported_before_a_run(laboratory: Laboratory) -> None:
    install(
        laboratory,
        "import dataclasses\n\nfrom labrig.instruments.drivers import VirtualCounterpart\n\n"
        'NOWHERE = VirtualCounterpart("trio", "mylab_virtual_trio:serve")\n'
        "DRIVERS = (dataclasses.replace(DRIVERS[0], virtual=NOWHERE),)\n",
    )
    (wrong,) = laboratory.labrig("check", "mine.yaml", code=3)
    assert "No module named 'mylab_virtual_trio'; correct `virtual`" in json.dumps(wrong)
    laboratory.labrig("check", "mine.yaml", "--set", "bench=simulated")
