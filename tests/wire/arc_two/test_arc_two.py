"""The driver of an ArC TWO with a stand-in for pyarc2, whose calls are compared with the real library."""

from __future__ import annotations

import importlib
import inspect
import re
from importlib.util import find_spec
from types import SimpleNamespace

import pytest
from labrig_drivers.arc_two import ArcTwo, ArcTwoOptions, board, capabilities
from wire.arc_two.stand_in import CALLS, PAIRS, XOR_PAIRS, ArC2Error, Bench

from labrig.assembly import assemble
from labrig.assembly.check import packaged_configs
from labrig.errors import ConnectionFailed, DeadlineExceeded, LimitExceeded
from labrig.instruments.data import Target
from labrig.testing import programmer
from labrig.testing.station import Station, Subject


@pytest.fixture
def firmware(tmp_path):
    path = tmp_path / "arc2fw.bin"
    path.write_bytes(b"\0")
    return str(path)


def options(firmware: str, **given: object) -> ArcTwoOptions:
    whole = {"driver": "arc.two", "firmware": firmware, "cells": list(PAIRS), "relay": "socket://relay:1"}
    return ArcTwoOptions.model_validate({**whole, "part": "TIO2", **given})


def opened(firmware: str, **given: object) -> ArcTwo:
    driver = ArcTwo("cells", options(firmware, **given))
    driver.open()
    return driver


@pytest.mark.skipif(find_spec("pyarc2") is None, reason="needs pyarc2, which exists for x86_64 only")
@pytest.mark.long
def test_the_real_library_has_these_calls() -> None:
    library = importlib.import_module("pyarc2")
    for name, parameters in CALLS.items():
        call = getattr(library.Instrument, name)
        text = getattr(call, "__text_signature__", None)
        found = tuple(re.findall(r"\w+", text)) if text else tuple(inspect.signature(call).parameters)
        assert tuple(each for each in found if each != "self") == parameters, name
    assert library.find_ids() == []
    with pytest.raises(library.ArC2Error, match="Invalid ArC2 device id"):
        library.Instrument(0, "no such file")


def test_cells_are_written_and_the_network_is_disconnected_meanwhile(monkeypatch, firmware):
    bench = Bench(monkeypatch)
    driver = opened(firmware)
    assert bench.floating
    driver.keep_alive()
    targets = {"0-16": 1 / 6000, "7-33": 1 / 8000}
    report = driver.program({channel: Target(siemens) for channel, siemens in targets.items()})
    assert report.verified == tuple(targets)
    for channel, siemens in targets.items():
        assert bench.cells.siemens(bench.now, f"cells/{channel}") == pytest.approx(siemens, rel=0.02)
    assert sum(report.pulses.values()) == driver.pulses == len(bench.pulses) > 0
    assert bench.cells.touched_connected == 0
    assert driver.identify().firmware == "libarc2 0.6.0"
    driver.make_safe()
    assert bench.floating
    driver.close()


@pytest.mark.parametrize(("volts", "width_s"), [(2.6, 1e-6), (-2.6, 1e-6), (1.0, 1.1e-3), (float("nan"), 1e-6)])
def test_a_pulse_beyond_the_clamp_is_not_sent(monkeypatch, firmware, volts, width_s):
    bench = Bench(monkeypatch)
    driver = opened(firmware)
    with pytest.raises(LimitExceeded, match="clamp"):
        driver.pulse_cell("0-16", volts, width_s)
    assert not bench.pulses


def test_a_pulse_that_fails_is_not_sent_again(monkeypatch, firmware):
    bench = Bench(monkeypatch)
    driver = opened(firmware)
    bench.next_error = ArC2Error("FPGA buffer access error")
    with pytest.raises(ConnectionFailed, match=r"cells: ArC2Error: FPGA buffer access error \(while: pulse"):
        driver.pulse_cell("0-16", 1.5, 1e-6)
    assert len(bench.pulses) == 1
    assert driver.read_cell("0-16") == pytest.approx(1 / 7000, rel=0.2)


def test_a_board_that_hangs_is_an_error_in_time_and_is_opened_again(monkeypatch, firmware):
    bench = Bench(monkeypatch)
    driver = opened(firmware)
    monkeypatch.setattr(board, "CALL_S", 0.05)
    bench.hangs.set()
    with pytest.raises(DeadlineExceeded, match="did not answer"):
        driver.read_cell("0-16")
    bench.hangs.clear()
    with pytest.raises(ConnectionFailed, match="is not open"):
        driver.read_cell("0-16")
    driver.close()
    driver.open()
    assert driver.read_cell("0-16") > 0


def test_a_wire_that_is_open_is_named(monkeypatch, firmware):
    bench = Bench(monkeypatch)
    driver = opened(firmware)
    monkeypatch.setattr(bench, "current", lambda *_: 0.0)
    with pytest.raises(ConnectionFailed, match="3 readings of 7-33 gave no current"):
        driver.read_cell("7-33")


@pytest.mark.parametrize(
    ("ids", "number", "message"),
    [
        ((), None, r"no ArC TWO is connected \(found: none\)"),
        ((4,), 2, r"no ArC TWO 2 is connected \(found: 4\)"),
        ((4, 5), None, "several boards are connected: 4, 5"),
    ],
)
def test_the_board_that_is_meant(monkeypatch, firmware, ids, number, message):
    bench = Bench(monkeypatch, ids)
    with pytest.raises(ConnectionFailed, match=message):
        opened(firmware, id=number)
    bench.ids = (3,)
    opened(firmware).close()


def test_what_is_missing_on_the_computer_is_named(monkeypatch, firmware, tmp_path):
    Bench(monkeypatch)
    with pytest.raises(ConnectionFailed, match="there is no firmware file"):
        opened(str(tmp_path / "other.bin"))
    monkeypatch.setitem(__import__("sys").modules, "pyarc2", None)
    with pytest.raises(ConnectionFailed, match="pyarc2 cannot be imported"):
        opened(firmware)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cells": ["7"]}, "cells: '7' is not a cell; write LOW-HIGH, such as 7-33"),
        ({"cells": ["7-7"]}, "cells: '7-7' does not name two different channels from 0 to 63"),
        ({"cells": ["07-8"]}, "cells: '07-8' does not name two different channels"),
        ({"cells": ["7-64"]}, "cells: '7-64' does not name two different channels"),
        ({"cells": ["7-8", "8-7"]}, "cells: two cells are between channels 8 and 7"),
        ({"clamp": "10.5 V"}, "clamp: the board cannot play more than ± 10 V"),
        ({"relay": "socket://relay"}, "relay: "),
    ],
)
def test_options_that_cannot_be_meant(firmware, given, message):
    with pytest.raises(ValueError, match=message):
        capabilities(options(firmware, **given))


CONFIG = """\
version: 1
extends: [xor_wire.yaml]
bench: hardware
network:
  programmable: {range: [120 µS, 180 µS], initial: [130 µS, 170 µS]}
instruments:
  cells: {driver: arc.two, firmware: FIRMWARE, relay: 'socket://relay:1', part: TIO2, cells: [PAIRS]}
wiring:
  edges: [EDGES]
"""


SUITE = [check for check in programmer.CHECKS if check.__name__ != "safe_after_a_failed_open"]  # needs an address


@pytest.mark.parametrize("check", SUITE, ids=lambda check: check.__name__)
def test_the_contract(monkeypatch, firmware, tmp_path, check):
    Bench(monkeypatch, pairs=XOR_PAIRS)
    edges = ", ".join(f"cells/{pair}" for pair in XOR_PAIRS)
    text = CONFIG.replace("FIRMWARE", firmware).replace("PAIRS", ", ".join(XOR_PAIRS)).replace("EDGES", edges)
    path = tmp_path / "arc.yaml"
    path.write_text(text.replace("xor_wire.yaml", str(packaged_configs() / "xor_wire.yaml")), encoding="utf-8")
    station = Station(assemble(path))
    station.__dict__["bench"] = SimpleNamespace(connect=lambda name, _, given: ArcTwo(name, given))
    check(Subject(station, "cells"))
