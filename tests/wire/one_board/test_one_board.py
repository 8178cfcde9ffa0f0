"""The drivers of a one-board bench through pyserial, with a network in which input k reads output k."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cobs import cobs
from labrig_drivers.digipot_bank import bank
from labrig_drivers.digipot_bank.frames import Status, crc16
from labrig_drivers.one_board import OneBoardDigitizer, OneBoardProgrammer, OneBoardSource, shared_link
from labrig_drivers.one_board.frames import BoardOp
from labrig_drivers.one_board.options import DigitizerOptions, ProgrammerOptions, SourceOptions
from labrig_drivers.one_board.shared_link import StreamLink

from labrig.errors import (
    ConfigError,
    ConnectionFailed,
    DeadlineExceeded,
    IdentityMismatch,
    LimitExceeded,
    SourceMisfit,
    SyncLost,
)
from labrig.instruments.data import AcquisitionPlan, Level
from labrig.signals.tones import Tone, ToneProgram
from labrig.virtual_instruments.digipot import VirtualDigipotBoard
from labrig.virtual_instruments.one_board import VirtualOneBoard
from labrig.virtual_instruments.one_board.sampler import MIDDLE, Acquisition, Codes, Program
from labrig.virtual_instruments.serial_server import serve

STEP_V = 0.5e-3
SLOW = 4000.0
PLAN = AcquisitionPlan(SLOW, 0, 256, ("0", "1", "2"), (1.0,) * 3, (0.0,) * 3)


class Loop:
    """Input k reads output k."""

    def __init__(self) -> None:
        self.levels: tuple[int, ...] = ()

    def hold(self, program: Program) -> None:
        self.levels = program.levels

    def begin(self, acquisition: Acquisition) -> None:
        """Nothing is prepared."""

    def digitize(self, acquisition: Acquisition, first: int, last: int) -> Codes:
        return acquisition.program.codes(first, last)[:, list(acquisition.inputs)]


class Stream:
    """The board's own words, which `spoil` may change."""

    def __init__(self, board: VirtualOneBoard) -> None:
        self._board = board
        self.spoil = lambda data: data

    def due_s(self) -> float:
        return self._board.due_s()

    def take(self) -> bytes:
        return self.spoil(self._board.take())


class Bench:
    """A board on a socket, and its three instruments."""

    def __init__(self, url: str, board: VirtualOneBoard, network: Loop, stream: Stream) -> None:
        self.url, self.board, self.network, self.stream = url, board, network, stream
        self.source = OneBoardSource("dac", SourceOptions(driver="labrig.board.source", resource=url))
        self.digitizer = OneBoardDigitizer("adc", DigitizerOptions(driver="labrig.board.digitizer", resource=url))
        chips = {"chips": ({"part": "MCP4251-104", "count": 2},), "supply": ("-1.024 V", "3.976 V")}
        options = {"driver": "labrig.board.programmer", "resource": url, **chips}
        self.programmer = OneBoardProgrammer("pots", ProgrammerOptions.model_validate(options))

    @property
    def instruments(self) -> tuple[Any, ...]:
        return self.digitizer, self.source, self.programmer

    def acquire(self, programs: dict[str, ToneProgram]) -> tuple[dict[str, ToneProgram], Any]:
        played = self.source.load(programs)
        self.digitizer.arm()
        self.source.arm()
        self.source.start()
        self.digitizer.start()
        return played, self.digitizer.read(5.0)


@contextmanager
def served() -> Iterator[Bench]:
    network = Loop()
    board = VirtualOneBoard(network, 4)
    stream = Stream(board)
    with serve(board, stream=stream) as url:
        yield Bench(url, board, network, stream)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with served() as bench:
        for instrument in bench.instruments:
            instrument.open()
        bench.digitizer.configure(PLAN)
        yield bench
        for instrument in bench.instruments:
            instrument.close()


def test_samples_are_what_load_said_would_be_played(bench):
    """Levels, phases, small tones that rounding changes, several tones at once: all of it to a part in 10⁹."""
    rate = PLAN.sample_rate_hz
    asked = {
        "0": ToneProgram(0.3, (Tone(8 * rate / 256, 0.2, 1.234),)),
        "1": ToneProgram(-0.1, (Tone(8 * rate / 256, 0.9e-3, np.pi),)),
        "2": ToneProgram(0.0, (Tone(5 * rate / 256, 0.4), Tone(77 * rate / 256, 0.3, -0.5))),
    }
    played, block = bench.acquire(asked)
    assert (block.start_index, block.lost, block.overrange.any()) == (0, 0, False)
    volts = block.volts()
    for column, (channel, program) in enumerate(played.items()):
        spectrum = np.fft.fft(volts[:, column]) / len(volts)
        assert spectrum[0].real == pytest.approx(program.dc, abs=1e-9)
        for tone, wanted in zip(program.tones, asked[channel].tones, strict=True):
            phasor = 2 * spectrum[round(256 * tone.frequency_hz / rate)]
            assert phasor == pytest.approx(tone.amplitude * np.exp(1j * tone.phase_rad), abs=1e-9)
            assert abs(tone.amplitude - wanted.amplitude) < STEP_V


def test_an_acquisition_begins_with_its_tones(bench):
    tone = Tone(16 * PLAN.sample_rate_hz / 256, 0.5)
    for _ in range(3):
        _, block = bench.acquire({"0": ToneProgram(0.1, (tone,))})
        assert block.volts()[0, 0] == pytest.approx(0.6, abs=STEP_V)
    assert bench.network.levels[0] == MIDDLE + 200  # the level, and not where the tone ended


@pytest.mark.parametrize(
    "program",
    [
        ToneProgram(0.0, (Tone(100.0, 0.1),)),
        ToneProgram(0.0, (Tone(SLOW / 2, 0.1),)),
        ToneProgram(1.03),
        ToneProgram(0.8, (Tone(250.0, 0.3),)),
    ],
    ids=["between steps", "half the rate", "level", "peak"],
)
def test_what_the_board_cannot_play_is_refused(bench, program):
    with pytest.raises(LimitExceeded):
        bench.source.load({"0": program})
    assert bench.network.levels == (MIDDLE,) * 12


def test_full_scale_is_one_code_less(bench):
    played, block = bench.acquire({"0": ToneProgram(1.024), "1": ToneProgram(-1.024)})
    assert played["0"].dc == pytest.approx(1.0235)
    assert block.volts()[0, :2] == pytest.approx([1.0235, -1.024])
    assert block.overrange.tolist() == [True, True, False]


@pytest.mark.parametrize(("rate", "channels"), [(3000.0, 3), (16000.0, 3), (200.0, 3), (8000.0, 16), (4000.0, 8)])
def test_scans_that_the_board_cannot_take_are_refused(bench, rate, channels):
    names = tuple(str(number) for number in range(channels))
    with pytest.raises(ConfigError):
        bench.digitizer.configure(AcquisitionPlan(rate, 0, 256, names, (1.0,) * channels, (0.0,) * channels))


def test_too_many_tones_for_the_rate_are_refused_at_the_start(bench):
    """500 + 3 · 500 cycles fit into a period of 2000, but nothing else."""
    bench.digitizer.configure(replace(PLAN, sample_rate_hz=8000.0))
    bench.acquire({})
    with pytest.raises(ConfigError, match="while it plays its tones"):
        bench.acquire({"0": ToneProgram(0.0, (Tone(500.0, 0.1),))})


def test_a_lost_block_is_noticed(bench):
    bench.stream.spoil = lambda data: b"\0".join(part for k, part in enumerate(data.split(b"\0")) if k != 3)
    with pytest.raises(SyncLost):
        bench.acquire({})
    bench.stream.spoil = lambda data: data
    bench.acquire({})  # as a retry does


def test_the_potentiometers_can_be_set_after_a_lost_block(bench):
    bench.stream.spoil = lambda data: b"\0".join(part for k, part in enumerate(data.split(b"\0")) if k != 3)
    with pytest.raises(SyncLost):
        bench.acquire({})
    assert bench.programmer.program({"0": Level(7)}).verified == ("0",)


def test_a_late_scan_is_noticed(bench):
    """The board says so in the flags of its block, the eighth byte of its body (README.md, Ops of the board)."""

    def late(data: bytes) -> bytes:
        frames = [cobs.decode(part) for part in data.split(b"\0") if part]
        changed = [frame[:10] + bytes([frame[10] | 1]) + frame[11:-2] for frame in frames]
        return b"".join(b"\0" + cobs.encode(each + crc16(each).to_bytes(2, "big")) + b"\0" for each in changed)

    bench.stream.spoil = late
    with pytest.raises(SyncLost, match="late"):
        bench.acquire({})
    assert not bench.board.is_sampling


def test_a_request_ends_the_scans(bench):
    """So that the host always gets through; the acquisition is then known to be incomplete."""
    bench.digitizer.arm()
    bench.digitizer.start()
    assert bench.programmer.program({"0": Level(7)}).verified == ("0",)
    with pytest.raises(DeadlineExceeded, match="of 256 scans"):
        bench.digitizer.read(0.2)
    bench.acquire({})


def test_an_acquisition_begins_even_if_the_reply_to_its_start_is_lost(bench, monkeypatch):
    asked: list[int] = []
    take, receive = bench.board._execute_versioned, bench.board.receive

    def executed(op: int, payload: bytes) -> tuple[int, bytes]:
        asked.append(op)
        return take(op, payload)

    def answered(data: bytes) -> bytes:
        reply = receive(data)
        return b"" if asked == [BoardOp.SAMPLE] else reply

    monkeypatch.setattr(bench.board, "_execute_versioned", executed)
    monkeypatch.setattr(bench.board, "receive", answered)
    bench.digitizer.arm()
    bench.digitizer.start()
    assert asked == [BoardOp.SAMPLE, BoardOp.HALT, BoardOp.SAMPLE]
    assert len(bench.digitizer.read(5.0).codes) == 256


@pytest.mark.parametrize("what", ["reset", "safe"])
def test_a_board_that_lost_its_program_does_not_confirm(bench, what):
    bench.source.load({"0": ToneProgram(0.5)})
    bench.source.confirm()
    if what == "reset":
        bench.board.reset()
    else:
        bench.programmer.make_safe()
    with pytest.raises(SourceMisfit, match="reset" if what == "reset" else "rest"):
        bench.source.confirm()
    bench.source.load({"0": ToneProgram(0.5)})
    bench.source.confirm()


@pytest.mark.parametrize("reset", [True, False])
def test_missing_scans_are_explained_by_a_reset_if_there_was_one(bench, reset):
    bench.digitizer.arm()
    bench.digitizer.start()
    bench.board.reset() if reset else bench.board.receive(b"\xff")
    with pytest.raises(SyncLost if reset else DeadlineExceeded, match="reset during" if reset else "of 256 scans"):
        bench.digitizer.read(0.3)
    bench.digitizer.arm()
    bench.digitizer.start()
    assert len(bench.digitizer.read(5.0).codes) == 256


def test_making_the_potentiometers_safe_rests_the_outputs(bench):
    bench.programmer.program({"0": Level(7)})
    bench.source.load({"0": ToneProgram(0.5)})
    bench.programmer.make_safe()
    assert bench.network.levels == (MIDDLE,) * 12
    assert set(bench.board.codes().values()) == {None}


def test_a_waiting_read_does_not_keep_others_from_making_the_board_safe(bench):
    bench.digitizer.configure(AcquisitionPlan(8000.0, 0, 40_000, ("0",), (1.0,), (0.0,)))
    bench.source.load({"0": ToneProgram(0.5)})
    bench.digitizer.arm()
    bench.digitizer.start()
    ended: list[Exception] = []

    def read() -> None:
        try:
            bench.digitizer.read(1.5)
        except DeadlineExceeded as error:
            ended.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(0.1)
    began = time.monotonic()
    bench.source.make_safe()
    assert time.monotonic() - began < 1.0
    assert bench.network.levels == (MIDDLE,) * 12
    assert not bench.board.is_sampling
    reader.join()
    assert ended


def test_a_refused_status_is_not_called_a_rest(bench):
    bench.source.load({"0": ToneProgram(0.5)})
    bench.board.forced.append(Status.MALFORMED)
    with pytest.raises(ConnectionFailed, match="refused STATUS: MALFORMED"):
        bench.source.confirm()


def test_tones_are_sent_again_for_another_rate_only(bench, monkeypatch):
    bench.source.load({"0": ToneProgram(0.0, (Tone(SLOW / 32, 0.1),))})
    sent: list[object] = []
    monkeypatch.setattr(bench.source, "_send", sent.append)
    bench.source.arm()
    assert not sent
    bench.digitizer.configure(replace(PLAN, sample_rate_hz=SLOW / 2))
    bench.source.arm()
    assert len(sent) == 1


@pytest.mark.parametrize("which", ["source", "programmer"])
def test_a_board_out_of_reach_is_never_called_safe(which):
    with served() as bench:
        for instrument in (bench.source, bench.programmer):
            instrument.open()
        bench.source.load({"0": ToneProgram(0.5)})
        bench.programmer.keep_alive()
    instrument = getattr(bench, which)
    for _ in range(3):
        with pytest.raises(ConnectionFailed):
            instrument.make_safe()
    for each in (bench.source, bench.programmer):
        each.close()


def test_an_instrument_that_cannot_be_opened_again_is_not_called_safe():
    with served() as bench:
        bench.source.open()
        bench.source.load({"0": ToneProgram(0.5)})
    for _ in range(2):
        with pytest.raises(ConnectionFailed):
            bench.source.open()
        with pytest.raises(ConnectionFailed):
            bench.source.make_safe()
    bench.source.close()


def test_the_port_is_opened_anew_if_it_is_silent(bench, monkeypatch):
    """As for a bank: a port may be silent because its cable was replugged and now has another device."""
    bench.programmer.program({"0": Level(7)})
    monkeypatch.setattr(bank, "HELLO_S", 0.3)
    receive, open_port = bench.board.receive, StreamLink.open

    def opened(link: StreamLink) -> None:
        monkeypatch.setattr(bench.board, "receive", receive)
        open_port(link)

    monkeypatch.setattr(StreamLink, "open", opened)
    monkeypatch.setattr(bench.board, "receive", lambda data: b"")
    assert bench.programmer.program({"0": Level(9)}).verified == ("0",)
    assert bench.source.identify() == bench.programmer.identify()
    bench.acquire({})


def test_another_baud_rate_for_the_same_port_is_refused(bench):
    options = SourceOptions(driver="labrig.board.source", resource=bench.url, baud=500_000)
    other = OneBoardSource("other", options)
    with pytest.raises(ConfigError, match=r"baud: 500000.*1000000"):
        other.open()
    other.make_safe()
    bench.source.load({})


def test_a_port_that_gets_another_name_meanwhile_is_forgotten_at_the_end(bench, monkeypatch):
    monkeypatch.setattr(shared_link, "canonical", lambda resource: "/dev/ttyUSB7")
    for instrument in bench.instruments:
        instrument.close()
    assert not shared_link._boards


def test_one_port_for_all_until_the_last_is_closed(bench):
    bench.digitizer.close()
    bench.source.load({"0": ToneProgram(0.25)})
    bench.source.close()
    bench.programmer.read_back(["0"])
    with pytest.raises(ConnectionFailed):
        bench.source.load({})
    bench.source.open()
    assert bench.source.identify() == bench.programmer.identify()


def test_a_board_with_other_converters_is_refused():
    with served() as bench:
        few = OneBoardSource("dac", SourceOptions(driver="labrig.board.source", resource=bench.url, sources=8))
        with pytest.raises(IdentityMismatch, match="number of sources is 12 on the board, but 8"):
            few.open()


def test_a_bank_is_no_bench():
    with serve(VirtualDigipotBoard(4)) as url:
        source = OneBoardSource("dac", SourceOptions(driver="labrig.board.source", resource=url))
        with pytest.raises(IdentityMismatch, match="without converters"):
            source.open()
