"""The skeleton in drivers/README.md is a driver: it is listed and checked, and a run trains with its model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from extension.conftest import Laboratory

from labrig.instruments.contracts import WaveformSource

README = (Path(__file__).parents[2] / "drivers" / "README.md").read_text(encoding="utf-8")
(SOURCE,) = [block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "class Duo:" in block]
CONFIG = """
version: 1
extends: [divider.yaml]
learning: {epochs: 3}
instruments:
  duo:  {driver: mylab.duo, resource: "TCPIP::192.0.2.1::5025::SOCKET"}
  ni:   {driver: ni.ai, model: PXIe-6363, resource: PXI1Slot4, full_scale: 2 V}
wiring:
  in0:   {drive: awg/0, sense: ni/ai0}
  out0:  {error: duo/1, sense: ni/ai1}
  pilot: {drive: duo/2, sense: ni/ai2}
timing:
  clock:   {master: ni, followers: [duo]}
  trigger: {from: ni/start, to: [duo], line: PFI0}
"""


def test_it_implements_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mylab_duo.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    import mylab_duo

    duo = mylab_duo.Duo("duo", mylab_duo.DuoOptions(driver="mylab.duo", resource="TCPIP::192.0.2.1::5025::SOCKET"))
    assert isinstance(duo, WaveformSource)
    duo.make_safe()  # before `open` there is nothing to do
    duo.close()


def test_it_is_listed_checked_and_simulated(laboratory: Laboratory) -> None:
    laboratory.install("mylab_duo", SOURCE, {"labrig.drivers": "mylab = mylab_duo:DRIVERS"})
    (listed,) = laboratory.labrig("drivers")
    assert "mylab.duo" in [driver["driver"] for driver in listed["drivers"]]
    laboratory.write("duo.yaml", CONFIG)
    finished = laboratory.labrig("run", "duo.yaml", "--no-plots")[-1]
    assert finished["metrics"]["loss"] < finished["metrics"]["initial_loss"]
    (wrong,) = laboratory.labrig("check", "duo.yaml", "--set", "instruments.duo.deadline=2 V", code=3)
    assert "instruments.duo.deadline" in str(wrong)
