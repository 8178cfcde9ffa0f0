"""The drivers of an audio interface with a stand-in for sounddevice, whose calls are compared with the real library."""

from __future__ import annotations

import ast
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from labrig_drivers.audio import AudioInput, AudioInputOptions, AudioOutput, AudioOutputOptions, interface
from labrig_drivers.audio.player import FLAWS
from wire.audio.stand_in import CALLS, Interface, PortAudioError
from wire.real_drivers import RealDrivers

from labrig.assembly import assemble
from labrig.assembly.check import check
from labrig.config.extending import load_document
from labrig.errors import ConfigError, ConnectionFailed, DeadlineExceeded, IdentityMismatch, LimitExceeded, SyncLost
from labrig.instruments.data import AcquisitionPlan
from labrig.procedures.calibrate import Guide, Standards
from labrig.procedures.train import train
from labrig.signals.tones import Tone, ToneProgram
from labrig.testing import digitizer, rig, source
from labrig.testing.calls import NotApplicable
from labrig.testing.station import Station, Subject

CONFIG = Path(__file__).with_name("audio.yaml")
CHANNELS = ("1", "2", "3", "4")
PLAN = AcquisitionPlan(48e3, 4800, 2400, CHANNELS, (2.5,) * 4, (0.0,) * 4)


def pair(**given: object) -> tuple[AudioOutput, AudioInput]:
    """Outputs and inputs of the interface, not open."""
    common = {"resource": "quad 4x4", "channels": 4}
    out = {"driver": "audio.output", "full_scale": "2 V", "latency": "60 ms", **common, **given}
    into = {"driver": "audio.input", "full_scale": "2.5 V", **common}
    return (
        AudioOutput("out", AudioOutputOptions.model_validate(out)),
        AudioInput("in", AudioInputOptions.model_validate(into)),
    )


class Loop:
    """An interface whose inputs are connected to its outputs, with both drivers open and configured."""

    def __init__(self, monkeypatch) -> None:
        self.interface = Interface(monkeypatch, lambda volts: volts)
        self.out, self.into = pair()
        self.into.open()
        self.out.open()
        self.into.configure(PLAN)

    def acquire(self, programs: dict[str, ToneProgram]) -> np.ndarray:
        self.begin(programs)
        return self.into.read(5.0).volts()[PLAN.settle_samples :]

    def begin(self, programs: dict[str, ToneProgram]) -> None:
        self.out.load(programs)
        self.into.arm()
        self.out.arm()
        self.out.start()
        self.into.start()

    @property
    def loudest(self) -> float:
        return max((np.abs(stream.played).max(initial=0.0) for stream in self.interface.streams), default=0.0)

    def close(self) -> None:
        self.out.make_safe()
        self.out.close()
        self.into.close()


@pytest.fixture
def loop(monkeypatch):
    loop = Loop(monkeypatch)
    yield loop
    loop.close()


def phasors(volts: np.ndarray, hz: float) -> np.ndarray:
    turns = np.exp(-2j * np.pi * hz * np.arange(len(volts)) / PLAN.sample_rate_hz)
    return 2 * np.mean(volts * turns[:, np.newaxis], axis=0)


def test_tones_come_back_relative_to_the_pilot(loop):
    """The latency turns all channels by the same phase, which is that of the pilot."""
    hz, other = 440.0, 1000.0
    programs = {
        "1": ToneProgram(0.0, (Tone(hz, 0.5, 1.0), Tone(other, 0.25))),
        "2": ToneProgram(0.0, (Tone(hz, 1e-3, np.pi),)),
        "4": ToneProgram(0.0, (Tone(hz, 1.0), Tone(other, 0.5))),
    }
    for _ in range(3):
        volts = loop.acquire(programs)
        pilot = phasors(volts, hz)[3]
        assert abs(pilot) == pytest.approx(1.0, rel=1e-3)
        relative = phasors(volts, hz) / pilot
        assert relative[0] == pytest.approx(0.5 * np.exp(1j), abs=1e-4)
        assert relative[1] == pytest.approx(-1e-3, abs=1e-5)
        assert abs(relative[2]) < 1e-5
        assert phasors(volts, other)[0] / phasors(volts, other)[3] == pytest.approx(0.5, abs=1e-4)


def test_what_was_played_before_does_not_reach_the_window(loop):
    loop.acquire({"1": ToneProgram(0.0, (Tone(440.0, 1.9),))})
    after = loop.acquire({})
    assert np.abs(after[:, 0]).max() < 5e-3  # of the coupling capacitors
    assert abs(phasors(after, 440.0)[0]) < 1e-4


def test_samples_are_those_of_the_converter(loop):
    loop.begin({"1": ToneProgram(0.0, (Tone(1000.0, 2.0),)), "4": ToneProgram(0.0, (Tone(440.0, 1.0),))})
    block = loop.into.read(5.0)
    assert (block.codes.dtype, block.codes.shape, block.start_index) == (np.int32, (7200, 4), 0)
    assert not block.overrange.any()
    assert block.scale[0, 1] == pytest.approx(2.5 / 2**23)


def test_an_input_that_clips_is_flagged(monkeypatch):
    loop = Loop(monkeypatch)
    loop.interface.network = lambda volts: 2 * volts
    loop.begin({"1": ToneProgram(0.0, (Tone(1000.0, 2.0),)), "2": ToneProgram(0.0, (Tone(1000.0, 1.0),))})
    assert loop.into.read(5.0).overrange.tolist() == [True, False, False, False]
    loop.close()


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (ToneProgram(0.1), "AC-coupled"),
        (ToneProgram(0.0, (Tone(1000.0, 2.01),)), "full scale 2 V"),
        (ToneProgram(0.0, (Tone(24e3, 0.1),)), "half the sample rate"),
    ],
)
def test_what_it_cannot_play_is_refused(loop, program, message):
    with pytest.raises(LimitExceeded, match=message):
        loop.out.load({"1": program})


@pytest.mark.parametrize("rate", [50e3, 96e3])
def test_sample_rates_that_it_does_not_have_are_refused(loop, rate):
    with pytest.raises(ConfigError, match=r"44.1, 48 kS/s"):
        loop.into.configure(replace(PLAN, sample_rate_hz=rate))


@pytest.mark.parametrize("flag", ["input_underflow", "input_overflow", "output_underflow", "output_overflow"])
def test_a_gap_is_refused_and_a_retry_is_whole(loop, flag):
    loop.begin({"1": ToneProgram(0.0, (Tone(440.0, 0.5),))})
    while loop.into._recording.recorded == 0:
        time.sleep(1e-3)
    loop.interface.next_flag = flag
    with pytest.raises(SyncLost, match=flag.replace("_", " ")):
        loop.into.read(5.0)
    assert abs(phasors(loop.acquire({"1": ToneProgram(0.0, (Tone(440.0, 0.5),))}), 440.0)[0]) == pytest.approx(
        0.5, 1e-3
    )


def test_make_safe_is_silence_and_idle_too(loop):
    tone = {"1": ToneProgram(0.0, (Tone(440.0, 0.5),))}
    loop.acquire(tone)
    assert loop.loudest > 0.1
    loop.out.idle()
    assert np.abs(loop.acquire({})).max() < 5e-3
    loop.acquire(tone)
    loop.out.make_safe()
    assert loop.loudest == 0.0
    assert not any(stream.active for stream in loop.interface.streams)


def test_an_interface_that_is_pulled_out(loop):
    loop.begin({"1": ToneProgram(0.0, (Tone(440.0, 0.5),))})
    loop.interface.plugged = False
    with pytest.raises(ConnectionFailed, match="the stream has ended"):
        loop.into.read(5.0)
    with pytest.raises(ConnectionFailed, match="the stream has ended"):
        loop.out.confirm()
    loop.out.make_safe()
    with pytest.raises(ConnectionFailed, match="No input device matching"):
        loop.out.idle()


def test_a_sound_system_that_hangs_is_mute_and_an_error_in_time(loop, monkeypatch):
    monkeypatch.setattr(interface, "ABORT_S", 0.1)
    loop.acquire({"1": ToneProgram(0.0, (Tone(440.0, 0.5),))})
    loop.interface.hangs.set()
    player = loop.out._player
    with pytest.raises(DeadlineExceeded, match="did not answer"):
        loop.out.make_safe()
    outdata = np.ones((8, 4), dtype=np.int32)
    player.callback(np.zeros((8, 4), dtype=np.int32), outdata, 8, None, None)
    assert not outdata.any()
    assert loop.loudest == 0.0
    loop.interface.hangs.clear()


def test_a_latency_beyond_the_option_is_refused(loop):
    loop.interface.reported_s = (0.04, 0.05)
    with pytest.raises(ConfigError, match=r"latency of 0.09 s.*limit: 0.06 s"):
        loop.out.idle()


def test_what_is_missing_is_named(monkeypatch):
    Interface(monkeypatch, lambda volts: volts, outputs=2)
    out, into = pair()
    with pytest.raises(IdentityMismatch, match="has 2 outputs, but `channels` is 4"):
        out.open()
    with pytest.raises(ConnectionFailed, match="No output device matching"):
        pair(resource="other")[0].open()
    into.open()
    assert (into.identify().model, into.identify().firmware) == ("Quad 4x4 USB", "ALSA")
    into.close()
    monkeypatch.setitem(__import__("sys").modules, "sounddevice", None)
    with pytest.raises(ConnectionFailed, match=r"pip install 'labrig\[audio\]'"):
        pair()[0].open()


def test_the_watchdog_finds_an_interface_that_is_still_in_use(monkeypatch):
    there = Interface(monkeypatch, lambda volts: volts)
    out, _ = pair()
    out.rescue()
    assert len(there.streams) == 1

    def busy(*_: object, **__: object) -> None:
        raise PortAudioError("Error opening Stream: Device unavailable [PaErrorCode -9985]")

    monkeypatch.setattr(there.library, "Stream", busy)
    with pytest.raises(ConnectionFailed, match="Device unavailable"):
        out.rescue()


def problems(*overrides: str) -> list[str]:
    document = load_document(CONFIG, packaged=CONFIG.parent, overrides=overrides)
    check(document)
    return [f"{each.path}: {each.message}" for each in document.problems]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("learning.activation=dc", "out, in are AC-coupled and cannot carry the levels of 'activation: dc'; write"),
        ("instruments.in.lowest=1.9 kHz", "acquisition.band: a tone of "),
        (
            "acquisition.tones=[20 Hz, 440 Hz]",
            "acquisition.tones: a tone of 20 Hz is too low for out, which is AC",
        ),
        ('instruments.out.resource="Other"', "the tones of out would drift: they follow the clock of Other"),
    ],
)
def test_what_check_refuses(override, message):
    assert problems() == []
    others = ("acquisition.band=[20 Hz, 2 kHz]", "instruments.out.lowest=30 Hz") if "tones" in override else ()
    assert any(message in each for each in problems(override, *others)), problems(override, *others)


def test_check_warns_of_diodes():
    overrides = (
        "network.layered.hidden=[{nodes: 1, shunt: {diodes: BAT54, pairs: 1}}]",
        "wiring.hid0={sense: in/5}",
        "wiring.edges=pots/0..2",
        "instruments.in.channels=5",
        "instruments.pots.channels=3",
    )
    found = {each.path: each.message for each in assemble(CONFIG, overrides).document.warnings}
    assert "diodes charge its coupling capacitors" in found["instruments.out"]
    assert "instruments.out" not in {each.path for each in assemble(CONFIG).document.warnings}


def test_a_calibration_is_refused_because_it_needs_levels():
    with pytest.raises(ConfigError, match="out is AC-coupled, but a calibration plays and reads levels"):
        Guide(assemble(CONFIG), Standards(5.0, 1e-3, 1e3, 1e-3), lambda _: None, lambda *_: None)


def bench_of(monkeypatch, assembly, speed: float = 4.0) -> RealDrivers:
    """The simulated board of a configuration, behind the interface."""
    bench = RealDrivers(assembly, "audio")
    Interface(monkeypatch, bench.network("out", CHANNELS, "in", CHANNELS), speed=speed)
    return bench


@pytest.mark.parametrize(
    ("kind", "check"),
    [("source", each) for each in source.CHECKS] + [("digitizer", each) for each in digitizer.CHECKS],
    ids=lambda each: each if isinstance(each, str) else each.__name__,
)
def test_the_contract(monkeypatch, kind, check):
    station = Station(assemble(CONFIG))
    station.__dict__["bench"] = bench_of(
        monkeypatch, station.assembly, 1.0 if check.__name__.startswith("ctrl_c") else 4.0
    )
    try:
        check(Subject(station, {"source": "out", "digitizer": "in"}[kind]))
    except NotApplicable:
        assert check.__name__ in ("plays_the_dc_it_was_asked", "safe_after_a_failed_open")  # levels; simulated bench


@pytest.mark.parametrize("check", rig.CHECKS, ids=lambda check: check.__name__)
def test_the_whole_rig(monkeypatch, check):
    with patch("labrig.assembly.benches.simulated.build", lambda assembly: bench_of(monkeypatch, assembly)):
        check(Station(assemble(CONFIG)))


def test_a_board_is_trained(monkeypatch, tmp_path):
    with patch("labrig.assembly.benches.simulated.build", lambda assembly: bench_of(monkeypatch, assembly, 16.0)):
        metrics = train(assemble(CONFIG), run_dir=tmp_path / "run").metrics
    assert metrics["loss"] < 0.1 * metrics["initial_loss"]


@pytest.mark.skipif(find_spec("sounddevice") is None, reason="needs sounddevice")
@pytest.mark.long
def test_the_real_library_has_these_calls() -> None:
    """Its source is read, because importing it needs the PortAudio library."""
    spec = find_spec("sounddevice")
    assert spec is not None
    tree = ast.parse(Path(str(spec.origin)).read_text(encoding="utf-8"))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    bases = [classes["Stream"], *(classes[name] for name in ("InputStream", "_InputStreamBase", "_StreamBase"))]
    for name, parameters in CALLS.items():
        method = name.removeprefix("Stream.")
        inside = [node for base in bases for node in base.body if isinstance(node, ast.FunctionDef)]
        found = next(node for node in (inside if "." in name else [functions[name]]) if node.name == method)
        assert tuple(each.arg for each in found.args.args if each.arg != "self") == parameters, name
    flags = {node.name for node in classes["CallbackFlags"].body if isinstance(node, ast.FunctionDef)}
    assert flags >= {*FLAWS, "priming_output"}
    described = ast.get_docstring(functions["query_devices"]) or ""
    for key in ("name", "hostapi", "max_input_channels", "max_output_channels", "default_samplerate"):
        assert f"``'{key}'``" in described
