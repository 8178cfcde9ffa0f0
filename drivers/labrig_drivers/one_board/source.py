"""labrig.board.source: the outputs of a one-board bench as a source of levels and tones.

Levels appear as soon as they are loaded. Tones begin with the first scan of an acquisition, which the digitizer of the
same board starts, and end with the last. The outputs have no switch: "off" is the mid-rail, which is 0 V for the
network. So `make_safe` and `idle` leave the same network.
"""

from __future__ import annotations

from collections.abc import Mapping

from labrig.errors import SourceMisfit
from labrig.instruments.data import Identity, SourceAccuracy
from labrig.signals.tones import ToneProgram
from labrig_drivers.digipot_bank.frames import Op
from labrig_drivers.digipot_bank.link import HELLO_S
from labrig_drivers.one_board.face import Face
from labrig_drivers.one_board.frames import CLOCK_HZ, BoardOp, BoardStatus
from labrig_drivers.one_board.options import SourceOptions, source_capabilities
from labrig_drivers.one_board.outputs import Converter

STATUS_BODY = 25


class OneBoardSource:
    """A WaveformSource: the outputs of a board."""

    def __init__(self, name: str, options: SourceOptions) -> None:
        able = source_capabilities(options)
        self._options = options
        self._channels = able.channels
        self._step_v = able.step_v
        self._face = Face(name, options, "sources", options.sources)
        self._converter = Converter(name, able.channels, able.step_v, 0)
        self._loaded: Mapping[str, ToneProgram] = {}
        self._sent_for: int | None = None  # the board's period when the program was sent; None: nothing was sent
        self._state = (0, 0)  # boot id of the board and its number of loads, when the program was sent

    def open(self) -> None:
        """Connect; the outputs stay as they are. The errors are those of `Face.open`."""
        facts = self._face.open()
        self._converter = Converter(self._face.name, self._channels, self._step_v, facts.partials)
        self._sent_for = None

    def identify(self) -> Identity:
        """Model, serial number of the USB adapter and firmware version."""
        return self._face.identify()

    def load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        """Send the programs; levels appear at once, tones begin with the next acquisition.

        The sample rate determines which frequencies the board can play. Until the digitizer is configured, this rate is
        not known; `arm` then checks the frequencies instead.

        Parameters
        ----------
        programs
            Program of each channel (V, relative to the mid-rail); other channels get 0 V.

        Returns
        -------
        dict
            The programs as the board plays them, with levels and amplitudes rounded to its codes.

        Raises
        ------
        LimitExceeded
            For a voltage beyond full scale, an unknown channel, or tones that the board cannot play at its sample rate.
        """
        board = self._face.board
        self._converter.check(programs)
        self._loaded = dict(programs)
        if board.period:
            return self._send(programs)
        levels = self._send({channel: ToneProgram(program.dc) for channel, program in programs.items()})
        return {channel: ToneProgram(levels[channel].dc, program.tones) for channel, program in programs.items()}

    def arm(self) -> None:
        """Send the programs again if they were loaded for another sample rate."""
        board = self._face.board
        has_tones = any(program.tones for program in self._loaded.values())
        if has_tones and board.period and board.period != self._sent_for:
            self._send(self._loaded)

    def start(self) -> None:
        """Do nothing: the digitizer of the board starts the tones."""
        _ = self._face.board

    def confirm(self) -> None:
        """Raise SourceMisfit unless the board still has the program that was loaded; `load` sends it again."""
        _ = self._face.board
        if self._sent_for is None:
            return
        reply = self._face.ask(Op.STATUS, b"", STATUS_BODY, "confirm")
        status = BoardStatus.read(reply.body)
        if status is None or status.resting or (reply.boot_id, status.loads) != self._state:
            what = "the board was reset" if reply.boot_id != self._state[0] else "its outputs were brought to rest"
            raise SourceMisfit(
                f"{what}: what was measured since the last load is invalid",
                device=self._face.name,
                action="confirm",
                last_good=self._face.link.last_good,
                remedy="check the board's supply, and what else uses it; with faults.sync=retry it is measured again",
            )

    def accuracy(self) -> SourceAccuracy:
        """Accuracy of the amplitudes, from the largest error of the gain, `gain_error`."""
        return SourceAccuracy.within(self._options.gain_error)

    def idle(self) -> None:
        """Set every output to 0 V, the mid-rail."""
        _ = self._face.board
        self._loaded = {}
        self._send({})

    def make_safe(self) -> None:
        """Stop the tones and set every output to 0 V, the mid-rail. Does nothing before `open`."""
        self._loaded, self._sent_for = {}, None
        if self._face.link.board is None:
            return
        self._face.try_again()
        self._face.ask(BoardOp.REST, b"", 0, "make safe")

    def rescue(self) -> None:
        """Bring the board to rest over a new connection, which resets an Arduino and takes up to 3 s."""
        try:
            self._face.link.open()
            self._face.link.request(Op.SAFE, b"", 1, patience_s=HELLO_S)
        finally:
            self.close()

    def close(self) -> None:
        """Disconnect; never raises. The outputs keep what they play, unless they were made safe."""
        self._face.close()

    def _send(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        period = self._face.board.period
        rate_hz = CLOCK_HZ / period if period else 1.0  # levels alone have no rate
        payload, played = self._converter.payload(programs, rate_hz)
        self._sent_for = None
        reply = self._face.ask(BoardOp.OUTPUTS, payload, 2, "load")
        self._sent_for = period
        self._state = reply.boot_id, int.from_bytes(reply.body[:2], "little")
        return played
