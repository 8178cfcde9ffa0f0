"""Resets, trips, lost ports and wrong boards: recovery within the deadline, or one error that says what to do."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import threading
import time
from pathlib import Path

import pytest
from busy import stretched
from labrig_drivers.digipot_bank import link
from wire.digipot.boards import bank, on_a_pty, opened, release_numbers

from labrig.errors import ConnectionFailed, DeadlineExceeded, IdentityMismatch
from labrig.instruments.data import Level
from labrig.virtual_instruments.digipot import VirtualDigipotBoard
from labrig.virtual_instruments.serial_server import serve


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0


def test_a_reset_between_two_calls_is_mended_and_told(board):
    with opened(board.resource) as pots:
        pots.program({"0": Level(10), "1": Level(20)})
        board.reset()
        assert set(board.codes().values()) == {None}
        report = pots.program({"2": Level(30)})
        assert report.verified == ("2",)
        assert (pots.interrupted, pots.recoveries) == (True, 1)
        assert [board.codes()[channel] for channel in (0, 1, 2)] == [10, 20, 30]
        pots.program({})
        assert (pots.interrupted, pots.recoveries) == (False, 1)


def test_a_reset_that_read_back_finds_is_still_told_after_the_next_program(board):
    with opened(board.resource) as pots:
        pots.program({"0": Level(10)})
        board.reset()
        assert pots.read_back(["0"]) == {"0": Level(10)}
        assert board.codes()[0] == 10
        assert pots.interrupted
        pots.program({"0": Level(11)})
        assert pots.interrupted
        pots.program({"0": Level(12)})
        assert not pots.interrupted


def test_a_bank_made_safe_stays_safe_when_it_is_read_after_a_reset(board):
    with opened(board.resource) as pots:
        pots.make_safe()
        board.reset()
        pots.read_back(["0"])
        pots.keep_alive()
        assert set(board.codes().values()) == {None}


def test_a_trip_is_mended_and_told(board):
    with opened(board.resource, watchdog="250 ms") as pots:
        pots.program({"0": Level(10)})
        time.sleep(0.5)
        assert set(board.codes().values()) == {None}
        assert pots.program({"1": Level(20)}).verified == ("1",)
        assert pots.interrupted
        assert (board.codes()[0], board.codes()[1]) == (10, 20)


def test_keep_alive_feeds_when_it_is_time_and_is_silent_otherwise(board):
    with opened(board.resource, watchdog="300 ms") as pots:
        for _ in range(20):
            time.sleep(0.04)
            pots.keep_alive()
        assert board.codes()[0] is not None
        sent = pots._link._sequence
        pots.program({"0": Level(1)})
        pots.keep_alive()
        assert pots._link._sequence == sent + 1
        time.sleep(0.5)
        pots.keep_alive()
        assert pots.interrupted
        assert board.codes()[0] == 1


def test_a_watchdog_too_short_to_come_back_ends_in_an_error():
    class Slow:
        def __init__(self, board):
            self.board, self.delay = board, 0.0

        def poll(self):
            self.board.poll()

        def receive(self, data):
            time.sleep(self.delay)
            return self.board.receive(data)

    device = Slow(VirtualDigipotBoard(4))
    with on_a_pty(device) as resource, opened(resource, watchdog="5 ms") as pots:
        device.delay = 0.03
        pots.recovery_s = 0.5
        with pytest.raises(ConnectionFailed, match=r"watchdog of 0.005 s may be too short"):
            pots.program({"0": Level(1)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chips": 3}, r"number of channels is 4 on the board, but 6 in the configuration.*chips:"),
        ({"part": "MCP4251-103"}, r"part is MCP4251-104 on the board, but MCP4251-103 in the configuration"),
    ],
)
def test_another_board_than_the_configuration_says(board, change, message):
    before = board.codes()
    pots = bank(board.resource, **change)
    with pytest.raises(IdentityMismatch, match=message):
        pots.open()
    assert board.codes() == before
    pots.make_safe()


def test_a_board_of_another_version(monkeypatch):
    module = "labrig.virtual_instruments.digipot.board"
    with serve(VirtualDigipotBoard(4)) as resource:
        monkeypatch.setattr(f"{module}.VERSION", 2)
        with pytest.raises(IdentityMismatch, match=r"protocol version is 2 to 2 on the board.*flash"):
            bank(resource).open()
    device = VirtualDigipotBoard(4)
    monkeypatch.setattr(f"{module}.VERSION", 1)
    with serve(device) as resource, opened(resource) as pots:
        device.forced.append(1)
        with pytest.raises(IdentityMismatch, match="uses protocol version"):
            pots.program({"0": Level(1)})


def test_another_board_in_the_place_of_a_lost_one():
    device, other = VirtualDigipotBoard(4), VirtualDigipotBoard(6, boot_id=9)
    with on_a_pty(device) as resource, opened(resource) as pots:
        device.receive = other.receive
        with pytest.raises(IdentityMismatch, match="number of channels"):
            pots.program({"0": Level(1)})
        assert set(other.codes().values()) == {None}


def test_nobody_there(tmp_path):
    for resource in ("socket://127.0.0.1:9", str(tmp_path / "no-port"), "/dev/null"):
        started = time.monotonic()
        with pytest.raises(ConnectionFailed, match=r"pots: cannot open .*remedy"):
            bank(resource).open()
        assert time.monotonic() - started < stretched(1)


@pytest.mark.more
def test_a_port_with_nobody_behind_is_asked_for_three_seconds():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pots = bank(f"socket://127.0.0.1:{listener.getsockname()[1]}")
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded, match=r"did not answer.*HELLO.*remedy"):
            pots.open()
        assert 3 <= time.monotonic() - started < stretched(4)
        pots.make_safe()


def test_a_board_that_wakes_late_is_found():
    """An Uno is reset by the opening of its port and its bootloader listens first."""
    device = VirtualDigipotBoard(4)
    awake = time.monotonic() + 1.2
    receive = device.receive

    def asleep(data: bytes) -> bytes:
        return receive(data) if time.monotonic() > awake else b""

    device.receive = asleep
    with on_a_pty(device) as resource, opened(resource) as pots:
        assert pots.program({"0": Level(3)}).verified == ("0",)


def test_unplugged_and_plugged_in_again(tmp_path):
    """The name under by-id stays, the device behind it is another."""
    device, by_id = VirtualDigipotBoard(4), tmp_path / "board7"
    with contextlib.ExitStack() as first, contextlib.ExitStack() as second:
        by_id.symlink_to(first.enter_context(on_a_pty(device)))
        with opened(str(by_id)) as pots:
            pots.program({"0": Level(10), "1": Level(20)})
            first.close()
            device.power_cycle()

            def plug_in():
                time.sleep(0.4)
                by_id.unlink()
                by_id.symlink_to(second.enter_context(on_a_pty(device)))

            plugging = threading.Thread(target=plug_in)
            plugging.start()
            report = pots.program({"1": Level(21)})
            plugging.join()
            assert report.verified == ("1",)
            assert pots.interrupted
            assert (device.codes()[0], device.codes()[1]) == (10, 21)


def test_a_lost_port_ends_in_one_error_within_the_deadline():
    device = VirtualDigipotBoard(4)
    with contextlib.ExitStack() as stack:
        resource = stack.enter_context(on_a_pty(device))
        pots = bank(resource, watchdog="0 s")
        pots.recovery_s = 0.5
        pots.open()
        stack.close()
        started = time.monotonic()
        with pytest.raises(ConnectionFailed, match=r"pots: .*lost.*restored.*program.*0.5 s.*last good.*remedy"):
            pots.program({"0": Level(1)})
        assert time.monotonic() - started < stretched(1.5)
        for _ in range(2):
            started = time.monotonic()
            with pytest.raises(ConnectionFailed, match=r"may still be connected.*make safe.*no watchdog"):
                pots.make_safe()
            assert time.monotonic() - started < stretched(0.5)
        pots.close()
        pots.close()


@pytest.mark.parametrize("line", ["pty", pytest.param("socket", marks=pytest.mark.more)])
def test_killed_at_random_moments(native, line):
    chance = random.Random(1)
    before = descriptors()
    for _ in range(8):
        with native("--channels", "16", *(["--tcp", "0"] if line == "socket" else [])) as daemon:
            pots = bank(daemon.resource, 8, watchdog="1 s")
            pots.recovery_s = 0.4
            killer = threading.Timer(chance.uniform(0.0, 0.05), daemon.kill)
            killer.start()
            started = time.monotonic()

            def work(pots=pots):
                pots.open()
                while True:
                    pots.program({str(channel): Level(chance.randrange(257)) for channel in range(16)})

            with pytest.raises((ConnectionFailed, DeadlineExceeded), match="pots: "):
                work()
            assert time.monotonic() - started < stretched(5)
            killer.join()
            with contextlib.suppress(ConnectionFailed, DeadlineExceeded):
                pots.make_safe()
            pots.close()
    release_numbers()
    assert descriptors() <= before


def test_the_name_of_a_killed_board_is_nobody_elses(native):
    with native("--channels", "4") as daemon:
        daemon.kill()
        assert not Path(daemon.resource).exists()
        with on_a_pty(VirtualDigipotBoard(4)) as other:
            assert other != daemon.resource


def test_no_descriptor_is_left_after_300_openings():
    device = VirtualDigipotBoard(4)
    with on_a_pty(device) as resource:
        before = descriptors()
        for turn in range(300):
            pots = bank(resource, 3 if turn % 10 == 0 else 2)
            with contextlib.suppress(IdentityMismatch):
                pots.open()
                pots.make_safe()
            pots.close()
        assert descriptors() == before
    with serve(device) as resource:
        before = descriptors()
        for _ in range(5):
            with opened(resource) as pots:
                pots.program({"0": Level(1)})
        time.sleep(0.05)
        assert descriptors() == before


def test_a_dumb_board_is_not_waited_for_long_when_it_must_be_safe(monkeypatch):
    device = VirtualDigipotBoard(4)
    with on_a_pty(device) as resource, opened(resource, watchdog="1 s") as pots:
        receive = device.receive
        monkeypatch.setattr(device, "receive", lambda data: b"")
        for _ in range(2):
            started = time.monotonic()
            with pytest.raises(DeadlineExceeded, match=r"may still be connected.*watchdog opens them after 1 s"):
                pots.make_safe()
            assert time.monotonic() - started < stretched(5 * link.REPLY_WAIT_S + 0.3)
        monkeypatch.setattr(device, "receive", receive)
        pots.make_safe()
        assert set(device.codes().values()) == {None}


def test_ctrl_c_in_the_middle_of_a_call_leaves_no_doubt(board):
    with opened(board.resource) as pots:
        pots.program({"0": Level(10), "1": Level(20)})
        read = pots._link._port.read

        def interrupted(count):
            raise KeyboardInterrupt

        pots._link._port.read = interrupted
        with pytest.raises(KeyboardInterrupt):
            pots.program({"0": Level(99)})
        pots._link._port.read = read
        report = pots.program({"0": Level(10)})  # no change, as far as the host knew before
        assert not report.faulty
        assert pots.read_back(["0", "1"]) == {"0": Level(10), "1": Level(20)}
        assert (board.codes()[0], board.codes()[1]) == (10, 20)
        assert not pots.interrupted


def test_somebody_else_staged_something(board):
    with opened(board.resource) as pots:
        pots.program({"0": Level(10), "1": Level(20)})
        pots._link.request(link.Op.STAGE, b"\1\1\5\0", 1)
        assert pots.program({"0": Level(11)}).verified == ("0",)
        assert pots.interrupted
        assert (board.codes()[0], board.codes()[1]) == (11, 20)


def test_terminals_that_a_killed_process_left_connected_are_opened_from_outside(board):
    with opened(board.resource) as pots:
        pots.program({"0": Level(7)})
        assert 7 in board.codes().values()
        pots._link.close()  # its process was killed: nothing more is sent
        bank(board.resource).rescue()
        assert set(board.codes().values()) == {None}


def test_a_board_that_is_left_stays_connected_without_a_watchdog(board):
    with opened(board.resource, watchdog="200 ms") as pots:
        pots.program({"0": Level(10), "1": Level(20)})
        pots.leave()
    time.sleep(0.5)
    held = board.codes()
    assert (held[0], held[1]) == (10, 20)
    assert None not in held.values()
    with opened(board.resource, watchdog="200 ms") as pots:
        assert pots.read_back(["0"]) == {"0": Level(10)}
        pots.leave()
        pots.make_safe()
    assert set(board.codes().values()) == {None}
