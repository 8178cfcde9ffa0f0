"""The drivers of the Analog Discovery with a stand-in for pydwf, whose calls are compared with the real library."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from labrig_drivers.digilent import (
    DiscoveryDigitizer,
    DiscoveryDigitizerOptions,
    DiscoverySource,
    DiscoverySourceOptions,
    devices,
)
from labrig_drivers.digilent.options import source_capabilities
from wire.digilent.stand_in import CALLS, ENUMS, SERIALS, Devices, DwfLibraryError
from wire.real_drivers import RealDrivers

from labrig.assembly import assemble
from labrig.errors import (
    ChannelFault,
    ConfigError,
    ConnectionFailed,
    DeadlineExceeded,
    IdentityMismatch,
    LimitExceeded,
    SyncLost,
)
from labrig.instruments.data import AcquisitionPlan
from labrig.procedures.train import train
from labrig.signals.tones import Tone, ToneProgram
from labrig.testing import digitizer, rig, source
from labrig.testing.calls import NotApplicable
from labrig.testing.station import Station, Subject

CONFIG = Path(__file__).with_name("digilent.yaml")
CHANNELS = ("1", "2", "3", "4")
RATE = 50e3
PLAN = AcquisitionPlan(RATE, 8, 1024, CHANNELS, (2.5,) * 4, (0.0,) * 4)
STEP_V = 10.0 / 2**14
TONE = Tone(20 * RATE / 1024, 0.5)


def pair(serials: tuple[str, ...] = SERIALS, **given: object) -> tuple[DiscoverySource, DiscoveryDigitizer]:
    common = {"devices": list(serials)}
    out = {"driver": "analog_discovery.source", **common}
    into = {"driver": "analog_discovery.digitizer", **common, **given}
    return (
        DiscoverySource("awg", DiscoverySourceOptions.model_validate(out)),
        DiscoveryDigitizer("scope", DiscoveryDigitizerOptions.model_validate(into)),
    )


class Loop:
    """Devices whose inputs are connected to their outputs, with both drivers open and configured."""

    def __init__(self, monkeypatch, serials: tuple[str, ...] = SERIALS, **given: object) -> None:
        self.bench = Devices(monkeypatch, lambda volts: volts, serials)
        self.awg, self.scope = pair(serials, **given)
        self.scope.open()
        self.awg.open()
        self.plan = replace(PLAN, channels=CHANNELS[: 2 * len(serials)])
        self.scope.configure(self.plan)

    def begin(self, programs: dict[str, ToneProgram]) -> None:
        self.awg.load(programs)
        self.scope.arm()
        self.awg.arm()
        self.awg.start()
        self.scope.start()

    def acquire(self, programs: dict[str, ToneProgram]) -> np.ndarray:
        self.begin(programs)
        return self.scope.read(5.0).volts()[self.plan.settle_samples :]

    def playing(self) -> np.ndarray:
        return self.bench.volts(np.array([0.0]))[0]

    def close(self) -> None:
        self.awg.close()
        self.scope.close()


@pytest.fixture
def loop(monkeypatch):
    loop = Loop(monkeypatch)
    yield loop
    loop.close()


def phasors(volts: np.ndarray, hz: float) -> np.ndarray:
    turns = np.exp(-2j * np.pi * hz * (PLAN.settle_samples + np.arange(len(volts))) / RATE)
    return 2 * np.mean(volts * turns[:, np.newaxis], axis=0)


def test_all_devices_play_and_record_from_one_trigger(loop):
    other = Tone(37 * RATE / 1024, 0.25, 1.0)
    programs = {
        "1": ToneProgram(0.3, (TONE, other)),
        "2": ToneProgram(-1.0),
        "3": ToneProgram(0.0, (replace(TONE, phase_rad=np.pi),)),
        "4": ToneProgram(0.0, (TONE,)),
    }
    for _ in range(3):
        volts = loop.acquire(programs)
        assert volts.mean(axis=0) == pytest.approx([0.3, -1.0, 0.0, 0.0], abs=STEP_V)
        found = phasors(volts, TONE.frequency_hz)
        assert found == pytest.approx(np.array([0.5, 0.0, -0.5, 0.5]), abs=STEP_V)  # sampled where the table has it
        assert phasors(volts, other.frequency_hz)[0] == pytest.approx(0.25 * np.exp(1j), abs=STEP_V)
    first, second = loop.bench.devices
    assert (first.parameters["ClockMode"], second.parameters["ClockMode"]) == (1, 2)
    assert loop.bench.parameters == {"OnClose": 1, "ExtFreq": 10_000_000, "Frequency": 100_000_000}


def test_one_device_is_started_by_the_computer(monkeypatch):
    loop = Loop(monkeypatch, SERIALS[:1])
    assert phasors(loop.acquire({"2": ToneProgram(0.0, (TONE,))}), TONE.frequency_hz)[1] == pytest.approx(0.5, abs=2e-3)
    assert not loop.bench.devices[0].pins
    assert "ClockMode" not in loop.bench.devices[0].parameters
    loop.close()


def test_a_wire_between_the_trigger_pins_that_is_open_is_an_error(loop):
    loop.bench.wired = False
    loop.begin({})
    with pytest.raises(DeadlineExceeded, match="wires between Trigger 1 and Trigger 2"):
        loop.scope.read(0.2)


def test_codes_are_those_of_the_converter(loop):
    loop.begin({"1": ToneProgram(1.0)})
    block = loop.scope.read(5.0)
    assert (block.codes.dtype, block.codes.shape, block.start_index) == (np.int16, (1032, 4), 0)
    assert block.scale[0, 1] == pytest.approx(5.48 / 2**14)
    assert block.scale[0, 0] == pytest.approx(1e-3)


@pytest.mark.parametrize(("range_", "over"), [("5 Vpp", True), ("50 Vpp", False)])
def test_an_input_that_clips_is_flagged(monkeypatch, range_, over):
    loop = Loop(monkeypatch, range=range_)
    loop.begin({"1": ToneProgram(3.0), "2": ToneProgram(1.0)})
    assert loop.scope.read(5.0).overrange.tolist() == [over, False, False, False]
    loop.close()


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (ToneProgram(5.01), "full scale 5 V"),
        (ToneProgram(0.0, (Tone(1000.0, 0.1),)), "multiples of 48.83 Hz"),
        (ToneProgram(0.0, (Tone(RATE / 2, 0.1),)), "below half of it"),
    ],
)
def test_what_it_cannot_play_is_refused(loop, program, message):
    with pytest.raises(LimitExceeded, match=message):
        loop.awg.load({"1": program})


def test_a_waveform_memory_that_is_too_small_is_refused(loop):
    loop.bench.most_points = 1024
    with pytest.raises(LimitExceeded, match="waveforms of only 1024 points"):
        loop.acquire({"1": ToneProgram(0.0, (TONE,))})


def test_a_sample_rate_that_the_clock_does_not_divide_is_refused(loop):
    with pytest.raises(ConfigError, match="divides 100 MHz"):
        loop.scope.configure(replace(PLAN, sample_rate_hz=44.1e3))


def test_lost_samples_are_refused_and_a_retry_is_whole(loop):
    loop.begin({"1": ToneProgram(0.5)})
    loop.bench.next_lost = 3
    with pytest.raises(SyncLost, match="3 samples were lost"):
        loop.scope.read(5.0)
    assert loop.acquire({"1": ToneProgram(0.5)})[:, 0].mean() == pytest.approx(0.5, abs=STEP_V)


def test_levels_stay_until_idle_and_off_is_off(loop):
    loop.acquire({"1": ToneProgram(0.5), "3": ToneProgram(-0.5)})
    assert loop.playing() == pytest.approx([0.5, 0.0, -0.5, 0.0], abs=STEP_V)
    loop.awg.confirm()
    loop.awg.idle()
    assert not loop.playing().any()
    assert loop.bench.devices[0].analogOut.sent[0]["nodeEnableSet"] == 1
    loop.acquire({"1": ToneProgram(0.5)})
    loop.awg.make_safe()
    assert not loop.playing().any()
    assert [out["nodeEnableSet"] for each in loop.bench.devices for out in each.analogOut.sent] == [0] * 4


def test_an_output_that_was_stopped_is_noticed(loop):
    loop.acquire({"1": ToneProgram(0.5)})
    loop.bench.devices[1].analogOut.configure(0, 0)
    with pytest.raises(ChannelFault, match="channel 3 has stopped"):
        loop.awg.confirm()


def test_a_device_that_is_pulled_out(loop):
    loop.begin({"1": ToneProgram(0.5)})
    loop.bench.error = DwfLibraryError("Device configuration failed.\n")
    with pytest.raises(ConnectionFailed, match=r"scope: DwfLibraryError: Device configuration failed. \(while: read"):
        loop.scope.read(5.0)
    with pytest.raises(ConnectionFailed, match="while: make safe"):
        loop.awg.make_safe()


def test_a_device_that_hangs_is_an_error_in_time(loop, monkeypatch):
    monkeypatch.setattr(devices, "SAFE_S", 0.1)
    loop.bench.hangs.set()
    with pytest.raises(DeadlineExceeded, match="did not answer"):
        loop.awg.make_safe()
    loop.bench.hangs.clear()
    loop.awg.make_safe()


def test_what_is_missing_is_named(monkeypatch):
    bench = Devices(monkeypatch, lambda volts: volts)
    with pytest.raises(ConnectionFailed, match="no device 2104159999FF is connected"):
        pair((SERIALS[0], "2104159999ff"))[0].open()
    assert not any(device.is_open for device in bench.devices)
    bench.models[1] = "Analog Discovery 2"
    with pytest.raises(IdentityMismatch, match="reports the model 'Analog Discovery 2', which is not an"):
        pair()[1].open()
    bench.models[1] = bench.models[0]
    bench.devices[1].is_open = True
    with pytest.raises(ConnectionFailed, match="used by another application"):
        pair()[0].open()
    assert not bench.devices[0].is_open
    bench.devices[1].is_open = False
    awg, _ = pair()
    awg.open()
    with pytest.raises(ConfigError, match="write the same list"):
        pair(SERIALS[:1])[1].open()
    assert awg.identify().serial == SERIALS[0]
    awg.close()
    monkeypatch.setitem(__import__("sys").modules, "pydwf", None)
    with pytest.raises(ConnectionFailed, match=r"pip install 'labrig\[digilent\]'"):
        pair()[0].open()


def test_a_device_named_twice_is_refused():
    options = DiscoverySourceOptions(driver="analog_discovery.source", devices=[SERIALS[0], SERIALS[0].lower()])
    with pytest.raises(ValueError, match="listed twice"):
        source_capabilities(options)


def bench_of(monkeypatch, assembly, speed: float = 2.0) -> RealDrivers:
    """The simulated board of a configuration, behind two devices."""
    bench = RealDrivers(assembly, "analog_discovery")
    Devices(monkeypatch, bench.network("awg", CHANNELS, "scope", CHANNELS), speed=speed)
    return bench


@pytest.mark.parametrize(
    ("kind", "check"),
    [("source", each) for each in source.CHECKS] + [("digitizer", each) for each in digitizer.CHECKS],
    ids=lambda each: each if isinstance(each, str) else each.__name__,
)
def test_the_contract(monkeypatch, kind, check):
    station = Station(assemble(CONFIG))
    station.__dict__["bench"] = bench_of(monkeypatch, station.assembly, 0.3 if "ctrl_c" in check.__name__ else 2.0)
    try:
        check(Subject(station, {"source": "awg", "digitizer": "scope"}[kind]))
    except NotApplicable:
        assert check.__name__ == "safe_after_a_failed_open"  # a simulated bench; see above


@pytest.mark.parametrize("check", rig.CHECKS, ids=lambda check: check.__name__)
def test_the_whole_rig(monkeypatch, check):
    with patch("labrig.assembly.benches.simulated.build", lambda assembly: bench_of(monkeypatch, assembly)):
        check(Station(assemble(CONFIG)))


def test_a_board_is_trained(monkeypatch, tmp_path):
    with patch("labrig.assembly.benches.simulated.build", lambda assembly: bench_of(monkeypatch, assembly, 16.0)):
        metrics = train(assemble(CONFIG), run_dir=tmp_path / "run").metrics
    assert metrics["loss"] < 0.1 * metrics["initial_loss"]


@pytest.mark.skipif(find_spec("pydwf") is None, reason="needs pydwf")
@pytest.mark.long
def test_the_real_library_has_these_calls() -> None:
    library = importlib.import_module("pydwf")
    for name, calls in CALLS.items():
        for method, parameters in calls.items():
            found = tuple(inspect.signature(getattr(getattr(library, name), method)).parameters)
            assert found == ("self", *parameters), f"{name}.{method}"
    for name, members in ENUMS.items():
        assert {key: getattr(library, name)[key].value for key in members} == members
