"""The driver of an ArC ONE: the bytes of libarc1, write–verify over the line, and a line that loses and cuts off."""

from __future__ import annotations

import os
import struct
from contextlib import suppress

import numpy as np
import pytest
from wire.arc_one.lines import CHANNELS, Bench

from labrig.errors import ConnectionFailed, DeadlineExceeded, LabrigError, LimitExceeded
from labrig.instruments.data import Target

MESSAGES = 100_000 if os.environ.get("LABRIG_MORE") else 3_000
CLAMP_V, LONGEST_S = 2.2, 2e-6


def opened(bench: Bench, monkeypatch, **options: object):
    driver = bench.driver(monkeypatch, **options)
    driver.open()
    return driver


def test_the_bytes_are_those_of_libarc1(monkeypatch):
    """libarc1 5bfc6afc: INIT is 0, cycles, words, bits, mode, session, sneak path, Vread; READ_ONE is 1, word, bit."""
    bench = Bench()
    driver = opened(bench, monkeypatch)
    assert bench.sent[:-3] == [b"0\n"] * 8 + [b"00\n"] + [b"0\n"] * 8
    initialize, reading, version = bench.sent[-3:]
    assert [float(line) for line in reading.split()] == [1, 2, 0.2]
    assert reading.startswith(b"01\n")
    assert [float(line) for line in initialize.split()] == [0, 50, 2, 3, 2, 0, 1, 0.2]
    assert version == b"999\n"
    assert driver.identify().firmware == "1.5"

    bench.sent.clear()
    driver.make_safe()
    driver.read_cell("w2b3")
    driver.pulse_cell("w1b2", -1.25, 1e-6)
    assert bench.sent[0] == b"1\n2\n3\n"
    assert bench.sent[1].split(b"\n")[:3] == [b"3", b"1", b"2"]
    assert [float(each) for each in bench.sent[1].split()[3:]] == [-1.25, 1e-6]
    assert all(sent.endswith(b"\n") for sent in bench.sent)


def test_cells_are_written_and_the_network_is_disconnected_meanwhile(monkeypatch):
    bench = Bench()
    driver = opened(bench, monkeypatch)
    driver.keep_alive()
    targets = dict(zip(("w1b1", "w2b3"), (1 / 6000, 1 / 8000), strict=True))
    report = driver.program({channel: Target(siemens) for channel, siemens in targets.items()})
    assert report.verified == tuple(targets)
    for channel, siemens in targets.items():
        assert bench.cells.siemens(bench.now, f"c/{channel}") == pytest.approx(siemens, rel=0.02)
    assert sum(report.pulses.values()) == driver.pulses == bench.cells.pulses > 0
    assert bench.cells.touched_connected == 0


@pytest.mark.parametrize(("volts", "width_s"), [(2.6, 1e-6), (-2.6, 1e-6), (1.0, 1.1e-3), (float("nan"), 1e-6)])
def test_a_pulse_beyond_the_clamp_is_not_sent(monkeypatch, volts, width_s):
    bench = Bench()
    driver = opened(bench, monkeypatch)
    bench.sent.clear()
    with pytest.raises(LimitExceeded, match="clamp"):
        driver.pulse_cell("w1b1", volts, width_s)
    assert not bench.sent


def test_a_pulse_whose_reply_is_lost_is_not_sent_again(monkeypatch):
    bench = Bench()
    driver = opened(bench, monkeypatch)
    lost = iter([True])
    bench.spoil = lambda data: (data, (lambda reply: b"") if next(lost, False) else (lambda reply: reply))
    before = bench.cells.siemens(bench.now, "c/w1b1")
    reading = driver.pulse_cell("w1b1", -1.5, 1e-6)
    assert len(bench.pulses) == 1
    assert reading > before * 0.98
    commands = [sent.split(b"\n")[0] for sent in bench.sent]
    assert commands.count(b"3") == 1
    assert commands[-1] == b"1"  # it was read again


def test_a_command_that_a_killed_host_cut_off_does_no_harm(monkeypatch):
    for torn in (b"3\n1\n1\n2.0", b"3\n1\n1\n2.0\n0.0", b"3\n1", b"0\n50\n32", b"04\n1.", b"3\n1\n1\n"):
        bench = Bench()
        opened(bench, monkeypatch).close()
        bench.board.receive(b"02\n1\n1\n" + torn)
        driver = opened(bench, monkeypatch)
        assert driver.read_cell("w1b1") == pytest.approx(1 / 7000, rel=0.03), torn
        assert not bench.pulses, torn


def test_a_board_that_never_answers_is_an_error_in_time(monkeypatch):
    bench = Bench()
    bench.spoil = lambda data: (data, lambda reply: b"")
    with pytest.raises(DeadlineExceeded, match="did not answer"):
        opened(bench, monkeypatch)
    assert bench.now < 10.0


def test_no_pulse_is_executed_twice_or_beyond_the_clamp_whatever_the_line_does(monkeypatch):
    """Messages and replies are cut off, lost or replaced by noise; every pulse in the World was sent, and only once."""
    generator = np.random.default_rng(3)
    bench = Bench()

    def spoilt(data: bytes):
        kind = generator.integers(12)
        cut = int(generator.integers(len(data)))
        if kind == 0:
            return data[:cut], lambda reply: reply
        if kind == 1:
            return b"", lambda reply: reply
        if kind == 2:
            return data, lambda reply: reply[: int(generator.integers(4))]
        if kind == 3:
            return data, lambda reply: generator.bytes(len(reply))
        return data, lambda reply: reply

    driver = opened(bench, monkeypatch, clamp="2.2 V", longest_pulse="2 us", start="200 ms")
    sent: list[tuple[str, float, float]] = []
    for k in range(MESSAGES):
        bench.spoil = spoilt
        word, bit = int(generator.integers(1, 3)), int(generator.integers(1, 4))
        with suppress(LabrigError):
            if k % 2:
                volts, width_s = float(generator.uniform(-2.6, 2.6)), float(generator.uniform(0, 2.4e-6))
                if abs(volts) <= CLAMP_V and width_s <= LONGEST_S:
                    sent.append((f"c/w{word}b{bit}", volts, width_s))
                driver.pulse_cell(f"w{word}b{bit}", volts, width_s)
            else:
                driver.read_cell(f"w{word}b{bit}")
        bench.spoil = lambda data: (data, lambda reply: reply)
        if k % 500 == 0:  # a host that was killed; another one begins
            driver.close()
            bench.board.receive(b"3\n1\n1\n1.9"[: int(generator.integers(11))])
            driver.open()
    assert len(bench.sent) > MESSAGES
    assert bench.cells.strongest_v <= CLAMP_V
    assert max(width_s for *_, width_s in bench.pulses) <= LONGEST_S
    remaining = iter(sent)
    for channel, volts, width_s in bench.pulses:  # each executed pulse is a later one of those that were sent
        assert any(channel == wanted and abs(v - volts) < 1e-6 and width_s <= w + 1e-9 for wanted, v, w in remaining), (
            channel,
            volts,
            width_s,
        )
    assert len(bench.pulses) > 0.3 * len(sent)
    assert bench.cells.touched_connected == 0


def test_calls_before_open_say_so(monkeypatch):
    driver = Bench().driver(monkeypatch)
    with pytest.raises(ConnectionFailed, match="is not open"):
        driver.program({})
    driver.make_safe()
    driver.close()


def test_the_reply_is_a_little_endian_float(monkeypatch):
    bench = Bench()
    opened(bench, monkeypatch)
    (ohm,) = struct.unpack("<f", bench.board.receive(b"1\n1\n1\n"))
    assert ohm == pytest.approx(7000, rel=0.03)
    assert len(CHANNELS) == 6
