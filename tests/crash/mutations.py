"""Random changes of bytes: what a bad line, a bad disk or a careless editor make of something valid."""

from __future__ import annotations

import random
from collections.abc import Sequence

NUMBERS = (b"0", b"-1", b"1e999", b"-1e999", b"nan", b".inf", b"1e-320", b"9" * 30, b"65536", b"4294967296", b"0x1F")
TEXTS = (
    b"",
    b"\0",
    b"\n",
    b"\xff\xfe",
    "Ω µ \U0001f50c \u202e".encode(),
    b"\x1b[2J",
    b"../../x",
    b"/etc/passwd",
    b"~",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b"[[[[[[[[",
    b"&a [*a, *a]",
    b"!!python/object/apply:os.system [true]",
    b"<<: *a",
    b'"',
    b"#9",
    b"#0",
    b"%s%n",
)
LONGEST = 200_000


def mutated(rng: random.Random, sample: bytes, others: Sequence[bytes] = (), tokens: Sequence[bytes] = TEXTS) -> bytes:
    """One to four changes of a sample; `others` give it parts of theirs."""
    data = bytearray(sample)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        _change(rng, data, others, tokens)
    return bytes(data)


def _change(rng: random.Random, data: bytearray, others: Sequence[bytes], tokens: Sequence[bytes]) -> None:
    start = rng.randrange(len(data) + 1)
    stop = min(len(data), start + rng.choice((0, 1, 1, 2, 4, 16, 256)))
    match rng.randrange(11):
        case 0 if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        case 1:
            del data[start:stop]
        case 2:
            del data[start:]
        case 3:
            data[start:stop] = rng.randbytes(rng.choice((1, 2, 8, 300)))
        case 4:
            data[start:stop] = rng.choice(tokens)
        case 5:
            _replace_a_number(rng, data)
        case 6 if stop > start:
            again = bytes(data[start:stop]) * rng.choice((1, 2, 50, 2000))
            data[start:start] = again[:LONGEST]
        case 7 if others:
            other = rng.choice(others)
            begin = rng.randrange(len(other) + 1)
            data[start:stop] = other[begin : begin + rng.choice((1, 8, 64, 4096))]
        case 8:
            _swap_lines(rng, data)
        case 9:
            data[:] = rng.randbytes(rng.choice((0, 1, 7, 64, 2048)))
        case _ if data:
            data[rng.randrange(len(data))] = rng.randrange(256)


def _replace_a_number(rng: random.Random, data: bytearray) -> None:
    digits = [place for place, byte in enumerate(data) if 48 <= byte <= 57]
    if digits:
        first = last = rng.choice(digits)
        while last + 1 < len(data) and 48 <= data[last + 1] <= 57:
            last += 1
        data[first : last + 1] = rng.choice(NUMBERS)


def _swap_lines(rng: random.Random, data: bytearray) -> None:
    lines = data.split(b"\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    data[:] = b"\n".join(lines)
