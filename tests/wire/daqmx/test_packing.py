"""Replies packed by hand are what the message class reads."""

from __future__ import annotations

import numpy as np
from nidaqmx._stubs import nidaqmx_pb2 as pb

from labrig.virtual_instruments.daqmx_reading import packed_codes, packed_doubles


def test_every_code() -> None:
    codes = np.arange(-(2**15), 2**15).astype(np.int16).reshape(256, 256)
    reply = pb.ReadBinaryI16Response.FromString(packed_codes(codes, 256, -200284))
    assert list(reply.read_array) == codes.ravel().tolist()
    assert (reply.samps_per_chan_read, reply.status) == (256, -200284)


def test_volts() -> None:
    volts = np.random.default_rng(0).normal(size=(3, 5))
    reply = pb.ReadAnalogF64Response.FromString(packed_doubles(volts, 5, 0))
    assert list(reply.read_array) == volts.ravel().tolist()
    assert (reply.samps_per_chan_read, reply.status) == (5, 0)
