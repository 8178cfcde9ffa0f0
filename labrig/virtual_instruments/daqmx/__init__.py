"""Virtual NI devices for NI's package `nidaqmx`."""

from __future__ import annotations

from labrig.virtual_instruments.daqmx.counterpart import devices
from labrig.virtual_instruments.daqmx.models import VirtualDevice
from labrig.virtual_instruments.daqmx.server import DaqmxServer

__all__ = ["DaqmxServer", "VirtualDevice", "devices"]
