"""Virtual SCPI instruments: a base class, and servers for VISA clients."""

from __future__ import annotations

from labrig.virtual_instruments.scpi.instrument import Call, ScpiInstrument
from labrig.virtual_instruments.scpi.servers import Latency, Server, SocketServer, Vxi11Server
from labrig.virtual_instruments.scpi.syntax import ScpiError

__all__ = ["Call", "Latency", "ScpiError", "ScpiInstrument", "Server", "SocketServer", "Vxi11Server"]
