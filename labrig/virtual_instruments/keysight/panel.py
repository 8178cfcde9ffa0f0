"""Settings of a virtual Trueform generator that are only stored and read back, without effect on the output.

Their names and their values after *RST are those of a real 33600A (see tests/wire/README.md). Switching on a
modulation, a sweep or a sum ends the burst, because only one of these modes can be active.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from labrig.virtual_instruments.keysight.channel import Channel
from labrig.virtual_instruments.scpi.instrument import Call, ScpiInstrument

OF_CHANNEL = {
    "[SOURce#:]AM:DEPTh": "+1.000000000000000E+02",
    "[SOURce#:]AM:DSSC": "0",
    "[SOURce#:]AM:INTernal:FREQuency": "+1.000000000000000E+02",
    "[SOURce#:]AM:INTernal:FUNCtion": "SIN",
    "[SOURce#:]AM:SOURce": "INT",
    "[SOURce#:]BPSK:INTernal:RATE": "+1.000000000000000E+01",
    "[SOURce#:]BPSK:PHASe": "+1.800000000000000E+02",
    "[SOURce#:]BPSK:SOURce": "INT",
    "[SOURce#:]BURSt:GATE:POLarity": "NORM",
    "[SOURce#:]BURSt:INTernal:PERiod": "+1.000000000000000E-02",
    "[SOURce#:]FM:DEViation": "+1.000000000000000E+02",
    "[SOURce#:]FM:INTernal:FREQuency": "+1.000000000000000E+01",
    "[SOURce#:]FREQuency:MODE": "CW",
    "[SOURce#:]FREQuency:STARt": "+1.000000000000000E+02",
    "[SOURce#:]FREQuency:STOP": "+1.000000000000000E+03",
    "[SOURce#:]FSKey:FREQuency": "+1.000000000000000E+02",
    "[SOURce#:]FUNCtion:ARBitrary:ADVance": "SRAT",
    "[SOURce#:]FUNCtion:NOISe:BANDwidth": "+1.000000000000000E+05",
    "[SOURce#:]FUNCtion:PULSe:HOLD": "WIDT",
    "[SOURce#:]FUNCtion:PULSe:WIDTh": "+1.000000000000000E-04",
    "[SOURce#:]FUNCtion:RAMP:SYMMetry": "+1.000000000000000E+02",
    "[SOURce#:]FUNCtion:SQUare:DCYCle": "+5.000000000000000E+01",
    "[SOURce#:]PM:DEViation": "+1.800000000000000E+02",
    "[SOURce#:]PWM:DEViation": "+1.000000000000000E-05",
    "[SOURce#:]SUM:AMPLitude": "+1.000000000000000E-01",
    "[SOURce#:]SWEep:SPACing": "LIN",
    "[SOURce#:]SWEep:TIME": "+1.000000000000000E+00",
    "[SOURce#:]VOLTage:LIMit:HIGH": "+5.000000000000000E+00",
    "[SOURce#:]VOLTage:LIMit:LOW": "-5.000000000000000E+00",
    "[SOURce#:]VOLTage:LIMit:STATe": "0",
    "[SOURce#:]VOLTage:RANGe:AUTO": "1",
    "INITiate#:CONTinuous[:ALL]": "1",
    "OUTPut#:MODE": "NORM",
    "OUTPut#:SYNC[:STATe]": "1",
    "OUTPut#:SYNC:MODE": "NORM",
    "OUTPut#:SYNC:SOURce": "CH1",
    "OUTPut#:TRIGger[:STATe]": "0",
    "OUTPut#:TRIGger:SLOPe": "POS",
    "TRIGger#:COUNt": "+1.000000000000000E+00",
    "TRIGger#:LEVel": "+3.300000000000000E+00",
    "TRIGger#:TIMer": "+1.000000000000000E+00",
}
"""Settings of each channel."""

MODES = ("AM", "FM", "PM", "PWM", "FSKey", "BPSK", "SWEep", "SUM")
"""Modes that exclude a burst."""

OF_GENERATOR = {
    "DISPlay": "1",
    "ROSCillator:SOURce:AUTO": "ON",
    "UNIT:ARBitrary:ANGLe": "DEG",
}
"""Settings of the whole generator."""


class Panel:
    """The stored settings, registered with an instrument; `of` returns the channel of a call."""

    def __init__(self, instrument: ScpiInstrument, of: Callable[[Call], Channel]) -> None:
        self._of = of
        self._stored: dict[tuple[str, str], str] = {}
        self._defaults = {**OF_CHANNEL, **OF_GENERATOR}
        for pattern in self._defaults:
            instrument.query(pattern, partial(self._read, pattern))
            instrument.command(pattern, partial(self._store, pattern))
        for mode in MODES:
            pattern = f"[SOURce#:]{mode}:STATe"
            self._defaults[pattern] = "0"
            instrument.query(pattern, partial(self._read, pattern))
            instrument.command(pattern, partial(self._switch, pattern))

    def reset(self) -> None:
        """Set everything to its value after *RST."""
        self._stored.clear()

    def _key(self, pattern: str, call: Call) -> tuple[str, str]:
        return pattern, self._of(call).name if pattern not in OF_GENERATOR else ""

    def _read(self, pattern: str, call: Call) -> str:
        return self._stored.get(self._key(pattern, call), self._defaults[pattern])

    def _store(self, pattern: str, call: Call) -> None:
        self._stored[self._key(pattern, call)] = call.text()

    def _switch(self, pattern: str, call: Call) -> None:
        on = call.text().upper() in ("1", "ON")
        self._stored[self._key(pattern, call)] = str(int(on))
        if on:
            self._of(call).burst = False
            self._of(call).started = None
