"""Latency of commands of a real generator."""

from __future__ import annotations

from labrig.virtual_instruments.scpi.servers import Latency

MEASURED_LATENCY = Latency(write_s=7e-3, query_s=5e-3)
"""Typical latency of an SDG2042X over VXI-11: 4 to 10 ms per write, 2 to 8 ms per query."""


def measured_latency(message: bytes) -> float:
    """Typical latency of a command (s): 15 to 30 ms for a new waveform type, 80 to 260 ms for an output relay."""
    if b"WVTP" in message[:64]:
        return 22e-3
    if b"OUTP ON" in message[:64]:
        return 170e-3
    return MEASURED_LATENCY(message)
