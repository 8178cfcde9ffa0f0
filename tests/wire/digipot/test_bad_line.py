"""Lost, bent, doubled, late, cut and merged bytes: the table is right or there is an error, in bounded time."""

from __future__ import annotations

import random
import time

import pytest
from busy import stretched
from trials import trials
from wire.digipot.boards import WAIT_S, BadLine, on_a_pty, opened

from labrig.errors import LabrigError
from labrig.instruments.data import Level
from labrig.virtual_instruments.digipot import VirtualDigipotBoard
from labrig.virtual_instruments.serial_server import serve

CHANNELS = 8


@pytest.mark.more
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("seed", range(trials(1, 4, 20)))
def test_never_a_wrong_table_on_a_bad_line(seed):
    chance = random.Random(seed)
    board = VirtualDigipotBoard(CHANNELS)
    line = BadLine(board, seed, 0.0)
    failures = 0
    with (serve if seed % 2 else on_a_pty)(line) as resource, opened(resource, CHANNELS // 2) as pots:
        pots.recovery_s = 1.0
        pots.program({str(channel): Level(0) for channel in range(CHANNELS)})
        wanted = dict.fromkeys(range(CHANNELS), 0)
        for trial in range(150):
            line.rate = chance.choice([0.1, 0.3, 0.5, 0.5])
            chosen = chance.sample(range(CHANNELS), chance.randint(1, CHANNELS))
            new = wanted | {channel: chance.randrange(257) for channel in chosen}
            started = time.monotonic()
            try:
                report = pots.program({str(channel): Level(new[channel]) for channel in chosen})
            except LabrigError:
                failures += 1
                line.rate = 0.0
                assert board.codes() in (wanted, new)
                pots.program({str(channel): Level(new[channel]) for channel in chosen})
            else:
                assert not report.faulty
            assert time.monotonic() - started < stretched(8)
            assert board.codes() == new, f"trial {trial}"
            wanted = new
            if trial % 10 == 0:
                assert pots.read_back(["0"]) == {"0": Level(new[0])}
        line.rate = 0.0
    assert len(line.faults) == 7
    assert sum(line.faults.values()) > 100
    assert failures < 15


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("seed", range(trials(1, 4, 20)))
def test_resets_at_any_moment_are_found_and_mended(seed, monkeypatch):
    resets = 0.12
    if seed % 2:
        resets = 0.025
        monkeypatch.setattr("labrig.virtual_instruments.digipot.board.MTU", 40)  # batches of several frames
    chance = random.Random(seed)
    board = VirtualDigipotBoard(32)
    line = BadLine(board, seed, 0.05)
    with on_a_pty(line) as resource:
        line.rate = 0.0
        with opened(resource, 16) as pots:
            pots.recovery_s = 6.0
            wanted = dict.fromkeys(range(32), 128)
            found = 0
            for _ in range(100):
                line.resets, line.rate = resets, 0.05
                wanted |= {channel: chance.randrange(257) for channel in chance.sample(range(32), 20)}
                report = pots.program({str(channel): Level(wanted[channel]) for channel in wanted})
                line.resets = line.rate = 0.0
                found += pots.interrupted
                if board.boot_id != pots._board.boot_id:  # it was reset after the last reply: the next call finds it
                    report = pots.program({})
                    assert pots.interrupted
                assert not report.faulty
                assert board.codes() == wanted
                pots.program({})
                assert not pots.interrupted
            assert found > 1
            assert pots.recoveries >= found


@pytest.mark.usefixtures("impatient")
def test_the_same_bytes_again_and_at_most_four_times():
    board = VirtualDigipotBoard(4)
    line = BadLine(board, 0, 0.0)
    with on_a_pty(line) as resource, opened(resource) as pots:
        line.requests.clear()
        line.rate = 1.0
        line._random.choice = lambda faults: faults[0]  # all is lost
        with pytest.raises(LabrigError, match="after 5 tries"):
            pots.make_safe()
        assert len(line.requests) == 5
        assert len(set(line.requests)) == 1
        line.rate = 0.0


@pytest.mark.usefixtures("impatient")
def test_a_line_that_never_stops_babbling_ends_in_an_error():
    board = VirtualDigipotBoard(4)
    line = BadLine(board, 0, 0.0)
    with on_a_pty(line) as resource, opened(resource) as pots:
        pots.recovery_s = 0.2
        silent, line.receive = line.receive, lambda data: b"\x07garbage\0" * 50
        started = time.monotonic()
        with pytest.raises(LabrigError, match="could not be restored"):
            pots.program({"0": Level(1)})
        assert time.monotonic() - started < stretched(5 * WAIT_S * 2 + 3.5)
        line.receive = silent
        assert pots.program({"0": Level(1)}).verified == ("0",)
        assert pots.interrupted
