"""Settings of a virtual generator that hardly affect the board, and its lists of waveforms.

Replies have the format of an SDG1032X with firmware 1.01.01.33R1B6, except the reply to `SRATE?`, which has the format
of an SDG2122X (sources in tests/wire/README.md). As on these generators, `HARM?` has a reply only for a sine, and
`WVDT?` only for a stored waveform.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from labrig.virtual_instruments.sample_table import Table
from labrig.virtual_instruments.scpi.instrument import Call, ScpiInstrument
from labrig.virtual_instruments.scpi.syntax import number
from labrig.virtual_instruments.siglent.output import Output

BUILT_IN: Mapping[int, str] = dict(
    enumerate(
        (
            *("StairUp", "StairDn", "StairUD", "Ppulse", "Npulse", "Trapezia", "Upramp", "Dnramp", "ExpFal"),
            *("ExpRise", "LogFall", "LogRise", "Sqrt", "Root3", "X^2", "X^3", "Sinc", "Gaussian"),
        ),
        start=2,
    )
)
"""The first of the built-in waveforms, by index."""


class Panel:
    """Registers queries of one generator, and the commands for the same settings.

    Parameters
    ----------
    instrument
        The generator.
    channel
        Function from a call to its channel; raises ScpiError if the channel does not exist.
    tables
        The uploaded waveforms, by name.
    play
        Called with a channel after a setting that changes its signal.
    """

    def __init__(
        self,
        instrument: ScpiInstrument,
        channel: Callable[[Call], Output],
        tables: Mapping[str, Table],
        play: Callable[[Output], None],
    ) -> None:
        self._channel = channel
        self._tables = tables
        self._play = play
        self._protected = True
        self._power_on = "DEFAULT"
        instrument.query("SToreList", self._list)
        instrument.query("WaVe_DaTa", self._data)
        instrument.query("C#:SRATE", lambda c: f"C{c.suffixes[0]}:SRATE {self._rate(c)}")
        instrument.query("C#:INVerT", lambda c: f"C{c.suffixes[0]}:INVT {'ON' if channel(c).wave.inverted else 'OFF'}")
        instrument.query("C#:HARMonic", self._harmonics)
        instrument.query("FreqCouNTer", lambda _: "FCNT STATE,OFF")
        instrument.query("VOLTPRT", lambda _: "ON" if self._protected else "OFF")
        instrument.query("SCFG", lambda _: f"SCFG {self._power_on}")
        instrument.command("C#:SRATE", self._set_rate)
        instrument.command("VOLTPRT", self._protect)
        instrument.command("SCFG", self._choose_power_on)

    def _list(self, call: Call) -> str:
        """The built-in waveforms in the order of their codes as text, or the names of the uploaded ones."""
        if call.arguments and call.text().upper() == "USER":
            return ",".join(["STL WVNM", *self._tables])
        codes = sorted((f"M{index}", name) for index, name in BUILT_IN.items())
        return "STL " + ", ".join(f"{code}, {name}" for code, name in codes)

    def _data(self, call: Call) -> bytes | None:
        found = self._tables.get(call.text(1)) if call.text().upper() == "USER" else None
        if found is None:
            return None
        head = f"WVDT POS, /Local, WVNM, {found.name}, LENGTH, {len(found.data)}B, TYPE, 6, WAVEDATA,"
        return head.encode() + found.data

    def _harmonics(self, call: Call) -> str | None:
        output = self._channel(call)
        wave = output.wave
        told = output.harmonics.reply(wave.amplitude_v * wave.factor)
        return f"C{call.suffixes[0]}:HARM {told}" if wave.kind == "SINE" else None

    def _rate(self, call: Call) -> str:
        rate = self._channel(call).true_rate
        return "MODE,DDS" if rate is None else f"MODE,TARB,VALUE,{rate}Sa/s"

    def _set_rate(self, call: Call) -> None:
        output = self._channel(call)
        words = [str(word).upper() for word in call.arguments]
        pairs = dict(zip(words[::2], words[1::2], strict=False))
        if pairs.get("MODE") == "DDS":
            output.true_rate = None
        elif pairs.get("MODE") == "TARB" or output.true_rate is not None:
            rate = pairs.get("VALUE", output.true_rate or "1e+06").removesuffix("SA/S")
            number(rate)
            output.true_rate = rate
        self._play(output)

    def _protect(self, call: Call) -> None:
        self._protected = call.text().upper() == "ON" if call.text().upper() in ("ON", "OFF") else self._protected

    def _choose_power_on(self, call: Call) -> None:
        self._power_on = call.text().upper() if call.text().upper() in ("DEFAULT", "LAST") else self._power_on
