"""Replies packed by hand are what the message class reads."""

from __future__ import annotations

import numpy as np
from nidaqmx._stubs import nidaqmx_pb2 as pb

from labrig.virtual_instruments.daqmx.reading import packed_doubles


def test_volts() -> None:
    volts = np.random.default_rng(0).normal(size=(3, 5))
    reply = pb.ReadAnalogF64Response.FromString(packed_doubles(volts, 5, 0))
    assert list(reply.read_array) == volts.ravel().tolist()
    assert (reply.samps_per_chan_read, reply.status) == (5, 0)
