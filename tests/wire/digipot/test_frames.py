"""The bytes: the examples of the specification, and setpoint lists of every form and size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labrig_drivers.digipot_bank.frames import Op, crc16, frame, read_reply, setpoint_lists, table_crc

EXAMPLES = [
    (Op.HELLO, 0x1234, "", "00 07 01 01 34 12 3E 66 00"),
    (Op.ARM, 0x1235, "D0 07", "00 09 01 07 35 12 D0 07 F4 0B 00"),
    (Op.STAGE, 0x1236, "00 00 0A 00 14 00 00 01 80 00", "00 05 01 03 36 12 01 02 0A 02 14 01 03 01 80 03 1B 1F 00"),
    (Op.COMMIT, 0x1237, "CF 90", "00 09 01 04 37 12 CF 90 17 A2 00"),
    (Op.STAGE_COMMIT, 0x1238, "98 91 01 02 C8 00", "00 0A 01 08 38 12 98 91 01 02 C8 03 60 09 00"),
    (Op.READ, 0x1239, "00 04", "00 05 01 05 39 12 04 04 DA FE 00"),
    (Op.STATUS, 0x123A, "", "00 07 01 02 3A 12 44 39 00"),
    (Op.SAFE, 0x123D, "", "00 07 01 06 3D 12 01 6E 00"),
]


@pytest.mark.parametrize(("op", "sequence", "payload", "line"), EXAMPLES)
def test_requests_of_the_specification(op, sequence, payload, line):
    assert frame(op, sequence, bytes.fromhex(payload)) == bytes.fromhex(line)


def test_replies_of_the_specification():
    hello = read_reply(
        bytes.fromhex("05018134120207060101010104120110010B4D43503432353 12D313034275A".replace(" ", ""))
    )
    assert hello is not None
    assert (hello.version, hello.op, hello.sequence, hello.status, hello.boot_id) == (1, 0x81, 0x1234, 0, 7)
    assert hello.body[:10] == bytes.fromhex("01 01 01 01 04 00 01 10 01 0B")
    assert hello.body[10:] == b"MCP4251-104"
    faulty = read_reply(bytes.fromhex("07 01 88 3C 12 07 07 06 01 01 01 A3 77"))
    assert faulty is not None
    assert (faulty.status, faulty.body) == (7, b"\1\1\1")


def test_the_crcs():
    assert crc16(b"123456789") == 0x29B1
    assert table_crc([10, 20, 256, 128]) == 0x90CF
    assert table_crc([10, 20, 200, 128]) == 0x9198


def unpacked(entries: bytes) -> dict[int, int]:
    if entries[0] == 0:
        codes = entries[2:]
        return {entries[1] + i // 2: codes[i] + 256 * codes[i + 1] for i in range(0, len(codes), 2)}
    pairs = entries[1:]
    return {pairs[i]: pairs[i + 1] + 256 * pairs[i + 2] for i in range(0, len(pairs), 3)}


@given(st.data(), st.integers(1, 128), st.integers(6, 300))
def test_lists_carry_the_chosen_channels_and_change_no_other(data, channels, room):
    table = data.draw(st.lists(st.integers(0, 1023), min_size=channels, max_size=channels))
    chosen = data.draw(st.sets(st.integers(0, channels - 1)))
    lists = setpoint_lists(table, chosen, room)
    assert lists
    assert all(0 < len(entries) <= room for entries in lists)
    carried = {index: code for entries in lists for index, code in unpacked(entries).items()}
    assert chosen <= carried.keys()
    assert all(table[index] == code for index, code in carried.items())
    assert sum(map(len, lists)) <= max(len(lists) * 3 + 3 * len(chosen), 1)


def test_the_shorter_form_is_chosen():
    table = [7] * 128
    assert setpoint_lists(table, (), 264) == [b"\1"]
    assert [len(entries) for entries in setpoint_lists(table, range(128), 264)] == [258]
    assert [len(entries) for entries in setpoint_lists(table, range(0, 128, 2), 264)] == [193]
