"""The driver against every board and line it may meet, all being well or with bad chips."""

from __future__ import annotations

import pytest
from labrig_drivers.digipot_bank import DRIVERS, DigipotBank
from wire.digipot.boards import bank, opened, options

from labrig.errors import ChannelFault, ConnectionFailed, LimitExceeded
from labrig.instruments.contracts import ConductanceProgrammer
from labrig.instruments.data import Level, LevelTable, Target
from labrig.virtual_instruments.digipot import VirtualDigipotBoard
from labrig.virtual_instruments.serial_server import serve

INFO = DRIVERS[0]


def test_program_verify_read_back(board):
    with opened(board.resource, watchdog="2 s") as pots:
        assert isinstance(pots, ConductanceProgrammer)
        assert pots.identify().model == "labrig digipot bank"
        assert pots.identify().firmware == "2"
        before = board.codes()
        report = pots.program({"0": Level(10), "3": Level(256)})
        assert report.written == report.verified == ("0", "3")
        assert report.faulty == ()
        assert report.read_back == {"0": Level(10), "3": Level(256)}
        assert board.codes() == {**before, 0: 10, 3: 256}
        assert pots.read_back(["3", "0"]) == {"3": Level(256), "0": Level(10)}
        assert pots.program({"0": Level(10)}).written == ()
        assert pots.read_back([]) == {}
        assert (pots.recoveries, pots.interrupted) == (0, False)
        pots.make_safe()
        assert set(board.codes().values()) == {None}
        pots.make_safe()
        assert pots.program({"1": Level(9)}).verified == ("1",)  # asks for the network: the terminals are back
        assert board.codes() == {**before, 0: 10, 1: 9, 3: 256}
    assert set(board.codes().values()) == {None}  # close alone leaves no terminal connected


def test_a_second_host_takes_over_what_the_chips_hold(board):
    with opened(board.resource) as pots:
        pots.program({"0": Level(11), "1": Level(12)})
    with opened(board.resource) as pots:
        assert pots.program({"0": Level(11), "1": Level(13)}).written == ("1",)
        assert pots.read_back(["0", "1"]) == {"0": Level(11), "1": Level(13)}


@pytest.mark.parametrize("verify", ["commit", "read"])
def test_a_stuck_wiper_is_faulty_until_it_moves_again(board, verify):
    with opened(board.resource, verify=verify) as pots:
        pots.program({"1": Level(77)})
        board.stick(1, 77)
        report = pots.program({"0": Level(5), "1": Level(21)})
        assert report.written == ("0", "1")
        assert report.verified == ("0",)
        assert report.faulty == ("1",)
        assert report.read_back == {"0": Level(5), "1": Level(77)}
        assert pots.program({"2": Level(6)}).faulty == ("1",)
        board.heal(1)
        report = pots.program({"1": Level(21)})
        assert report.verified == ("1",)
        assert report.faulty == ()
        assert not pots.interrupted


def test_a_chip_that_falls_silent_is_faulty_and_reads_as_a_fault(board):
    with opened(board.resource) as pots:
        board.mute(2)
        report = pots.program({"0": Level(1), "2": Level(2)})
        assert report.faulty == ("2",)
        assert report.read_back == {"0": Level(1)}
        with pytest.raises(ChannelFault, match="channels 2 do not answer"):
            pots.read_back(["0", "2"])
        with pytest.raises(ChannelFault, match="channels 2 stay connected"):
            pots.make_safe()


def test_a_silent_chip_keeps_the_bank_closed_and_the_terminals_open(board):
    board.mute(3)
    pots = bank(board.resource)
    with pytest.raises(ChannelFault, match=r"channels 3 do not answer.*chips:"):
        pots.open()
    pots.make_safe()
    pots.close()
    board.heal(3)
    pots.open()
    assert set(board.codes().values()) == {None}  # nothing is connected yet: doctor opens boards that may be driven
    pots.keep_alive()
    assert None not in board.codes().values()
    pots.close()


def test_opening_a_bank_whose_host_was_killed_disconnects_it(board):
    with opened(board.resource) as killed:
        killed.program({"0": Level(5)})
        killed._link.close()
        pots = bank(board.resource)
        pots.open()
        assert set(board.codes().values()) == {None}
        pots.make_safe()
        pots.keep_alive()
        assert set(board.codes().values()) == {None}  # made safe: only `program` connects it again
        pots.close()


def test_what_is_refused_before_a_byte_is_sent(board):
    with opened(board.resource) as pots:
        pots.program({"0": Level(100)})
        before = board.codes()
        for settings in ({"4": Level(1)}, {"0": Level(257)}, {"0": Level(-1)}, {"0": Target(1e-5)}):
            with pytest.raises(LimitExceeded):
                pots.program({"1": Level(3), **settings})
        with pytest.raises(LimitExceeded, match="no channel"):
            pots.read_back(["x"])
        assert board.codes() == before


def test_nothing_works_before_open():
    pots = bank("socket://127.0.0.1:9")
    assert set(pots.levels()) == {"0", "1", "2", "3"}
    pots.make_safe()
    pots.close()
    for call in (pots.identify, pots.keep_alive, lambda: pots.program({}), lambda: pots.read_back(["0"])):
        with pytest.raises(ConnectionFailed, match="open"):
            call()


@pytest.mark.parametrize("channels", [2, 30, 64, 128])
def test_one_write_and_one_read_of_the_exact_length(channels):
    with serve(VirtualDigipotBoard(channels)) as resource, opened(resource, channels // 2) as pots:
        port = pots._link._port
        calls: list[tuple[str, int]] = []
        write, read = port.write, port.read
        port.write = lambda data: calls.append(("write", len(data))) or write(data)
        port.read = lambda count: calls.append(("read", count)) or read(count)
        pots.program({str(index): Level(index) for index in range(channels)})
        assert [kind for kind, _ in calls] == ["write", "read"]
        assert calls[1][1] == 14
        calls.clear()
        pots.read_back([str(index) for index in range(channels)])
        assert [kind for kind, _ in calls] == ["write", "read"]
        calls.clear()
        pots.make_safe()
        assert [kind for kind, _ in calls] == ["write", "read"]


def test_a_bank_of_small_frames_is_changed_at_once(monkeypatch):
    monkeypatch.setattr("labrig.virtual_instruments.digipot.board.MTU", 40)
    seen: list[dict[int, int | None]] = []
    device = VirtualDigipotBoard(64, on_codes=lambda codes: seen.append(dict(codes)))
    with serve(device) as resource, opened(resource, 32) as pots:
        seen.clear()
        pots.program({str(index): Level(index) for index in range(64)})
        assert device.codes() == {index: index for index in range(64)}
        pots.program({str(index): Level(200) for index in range(0, 64, 5)})
        assert device.codes() == {index: 200 if index % 5 == 0 else index for index in range(64)}
        assert pots.read_back(["63", "0"]) == {"63": Level(63), "0": Level(200)}


def test_capabilities():
    capabilities = INFO.capabilities(options("x", 15))
    assert len(capabilities.channels) == 30
    assert capabilities.part.name == "MCP4251-104"
    at_64 = INFO.capabilities(options("x", 32)).write_s
    assert at_64 == pytest.approx(7.1e-3, rel=0.05)
    assert INFO.capabilities(options("x", 64, baud=115_200)).write_s == pytest.approx(31.9e-3, rel=0.05)
    assert INFO.factory is not None
    assert isinstance(INFO.factory("pots", options("x")), DigipotBank)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"part": "SERVO"}, "does not support"),
        ({"part": "MCP4251-104 + 4.7"}, "write the unit"),
        ({"also": ({"part": "MCP4251-104", "count": 63},)}, "64 chips"),
        ({"also": ({"part": "MCP4251-103", "count": 1},)}, "single part"),
        ({"supply": ("-5 V", "5 V")}, "between its rails"),
        ({"supply": ("2.5 V", "-2.5 V")}, "lower rail first"),
        ({"watchdog": "0.1 ms"}, "watchdog"),
        ({"watchdog": "66 s"}, "watchdog"),
    ],
)
def test_what_no_bank_can_be(more, message):
    with pytest.raises(ValueError, match=message):
        INFO.capabilities(options("x", **more))


def test_a_board_does_not_know_of_resistors_in_series():
    with serve(VirtualDigipotBoard(4)) as resource, opened(resource, part="MCP4251-104 + 4.7 kΩ") as pots:
        pots.program({"0": Level(256)})
        levels = pots.levels()["0"]
        assert isinstance(levels, LevelTable)
        assert levels.siemens[list(levels.codes).index(256)] == pytest.approx(1 / (100e3 + 75 + 4.7e3))
