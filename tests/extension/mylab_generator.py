"""`mylab.trio`: a three-channel SCPI generator, and the virtual one that stands in for it on `bench: wire`.

One file of a package that is not labrig's. The generator plays a level plus tones on each channel; tones start with an
edge at its trigger input.

    SOURce<n>:PROGram <volts>[,<hertz>,<volts>,<radians>]…     SOURce<n>:PROGram?     OUTPut<n> ON|OFF     OUTPut<n>?
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from labrig_drivers.visa import VisaSession

from labrig.errors import ChannelFault, ConnectionFailed, LimitExceeded
from labrig.instruments.data import Identity
from labrig.instruments.drivers import DriverInfo, InstrumentOptions, SourceCapabilities, VirtualCounterpart
from labrig.quantities import PositiveTime
from labrig.signals.tones import SILENT, Tone, ToneProgram

CHANNELS = ("1", "2", "3")
FULL_SCALE_V = 5.0


def as_words(program: ToneProgram) -> str:
    tones = (f",{tone.frequency_hz!r},{tone.amplitude!r},{tone.phase_rad!r}" for tone in program.tones)
    return repr(program.dc) + "".join(tones)


def as_program(words: list[float]) -> ToneProgram:
    return ToneProgram(words[0], tuple(Tone(*words[at : at + 3]) for at in range(1, len(words), 3)))


class TrioOptions(InstrumentOptions):
    """resource: VISA name. deadline: of every answer."""

    resource: str
    deadline: PositiveTime = 2.0


def capabilities(options: TrioOptions) -> SourceCapabilities:
    return SourceCapabilities(
        CHANNELS, 16, FULL_SCALE_V, 50.0, settle_s=1e-3, own_clock=True, triggered=True, address=options.resource
    )


class Trio:
    """Keeps the WaveformSource contract."""

    def __init__(self, name: str, options: TrioOptions) -> None:
        self.name = name
        self._session = VisaSession(name, options.resource, options.deadline)
        self._loaded: dict[str, ToneProgram] = {}

    def open(self) -> None:
        self._session.open()
        self.identify()
        for channel in CHANNELS:
            self._load(channel, SILENT)
            self._session.query(f"OUTP{channel} ON;*OPC?", "open")

    def identify(self) -> Identity:
        _, model, serial, firmware = self._session.query("*IDN?", "identify").split(",")
        return Identity(model, serial, firmware)

    def load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        for channel, program in programs.items():
            if channel not in CHANNELS or not program.peak <= FULL_SCALE_V:
                raise LimitExceeded(f"cannot play {program} on {channel}", device=self.name, action="load")
        for channel in CHANNELS:
            self._load(channel, programs.get(channel, SILENT))
        return {channel: self._loaded[channel] for channel in programs}

    def arm(self) -> None:
        if not self._loaded:
            raise ConnectionFailed("has nothing to play", device=self.name, action="arm")

    def start(self) -> None:
        """The edge at the trigger input starts it."""

    def confirm(self) -> None:
        for channel, program in self._loaded.items():
            self._compare(channel, program, "confirm")

    def idle(self) -> None:
        self.load({})

    def make_safe(self) -> None:
        self._loaded = {}
        if self._session.is_open:
            for channel in CHANNELS:
                self._session.query(f"OUTP{channel} OFF;*OPC?", "make safe")

    def close(self) -> None:
        self._session.close()

    def _load(self, channel: str, program: ToneProgram) -> None:
        self._session.query(f"SOUR{channel}:PROG {as_words(program)};*OPC?", "load")
        self._session.query(f"OUTP{channel} ON;*OPC?", "load")
        self._compare(channel, program, "load")
        self._loaded[channel] = program

    def _compare(self, channel: str, program: ToneProgram, action: str) -> None:
        held, on = self._session.query(f"SOUR{channel}:PROG?;:OUTP{channel}?", action).split(";")
        if on != "1" or as_program([float(word) for word in held.split(",")]) != program:
            raise ChannelFault(f"channel {channel} holds {held}, output {on}", device=self.name, action=action)


@contextmanager
def virtual_trios(bench: Any, entries: Any) -> Iterator[list[Any]]:
    """The factory of the virtual counterpart: labrig's servers around the class below."""
    from contextlib import ExitStack

    from labrig.virtual_instruments.counterpart import Endpoint
    from labrig.virtual_instruments.scpi import ScpiInstrument, SocketServer

    class VirtualTrio(ScpiInstrument):
        def __init__(self, name: str) -> None:
            super().__init__(f"My Lab,{name},0,1.0", bench.lock)
            self.name = name
            self.programs = dict.fromkeys(CHANNELS, SILENT)
            self.on = dict.fromkeys(CHANNELS, False)
            self.command("SOURce#:PROGram", self.set_program)
            self.query("SOURce#:PROGram", lambda call: as_words(self.programs[str(call.suffixes[0])]))
            self.command("OUTPut#", self.switch)
            self.query("OUTPut#", lambda call: str(int(self.on[str(call.suffixes[0])])))
            bench.lines.listen(f"{name}/trigger", self.start)

        def set_program(self, call: Any) -> None:
            channel = str(call.suffixes[0])
            self.programs[channel] = as_program([call.number(at) for at in range(len(call.arguments))])
            self.drive(channel, bench.clock(), ToneProgram(self.programs[channel].dc))

        def switch(self, call: Any) -> None:
            channel = str(call.suffixes[0])
            if self.on[channel] != (call.text() == "ON"):
                self.on[channel] = not self.on[channel]
                self.drive(channel, bench.clock(), ToneProgram(self.programs[channel].dc))

        def start(self, t: float) -> None:
            for channel, program in self.programs.items():
                self.drive(channel, t, program)

        def drive(self, channel: str, t: float, program: ToneProgram) -> None:
            bench.world.drive(t, f"{self.name}/{channel}", program if self.on[channel] else None)

    with ExitStack() as stack:
        endpoints = []
        for entry in entries:
            server = SocketServer(VirtualTrio(entry.name), schedule=bench.faults, name=entry.name)
            stack.enter_context(server)
            endpoints.append(Endpoint(entry.name, entry.model, server.resource))
        yield endpoints


DRIVERS = (
    DriverInfo(
        "mylab.trio",
        "source",
        TrioOptions,
        capabilities,
        Trio,
        models={"Trio": "runs in my lab"},
        virtual=VirtualCounterpart("trio", virtual_trios, faults=("silent", "late_replies", "disconnect")),
    ),
)
