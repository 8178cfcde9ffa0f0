"""Calibrated instruments: wrappers that apply a record, so that everything above them sees true volts and siemens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from labrig.calibration.record import CalibrationRecord
from labrig.instruments.contracts import ConductanceProgrammer, Digitizer, WaveformSource
from labrig.instruments.data import AcquisitionPlan, Block, Continuous, Identity, LevelTable, SourceAccuracy
from labrig.instruments.wrapped import WrappedProgrammer, WrappedSource
from labrig.signals.tones import Tone, ToneProgram

EARLY = 1
"""Number of scans that are discarded in addition to the settling time. Delays are known only relative to one another,
so a channel may be sampled earlier than stated, when it still shows the previous drive."""


class CalibratedDigitizer:
    """A digitizer whose blocks are in true volts, and whose plan has the true delays and the record's uncertainties."""

    def __init__(self, name: str, digitizer: Digitizer, record: CalibrationRecord) -> None:
        self._name = name
        self._digitizer = digitizer
        self._record = record
        self._gain = np.ones(0)
        self._offset_v = np.zeros(0)
        self._given: NDArray[np.float64] = np.zeros((0, 4))
        self._scale: NDArray[np.float64] = np.zeros((0, 4))

    def configure(self, plan: AcquisitionPlan) -> AcquisitionPlan:
        """Configure the digitizer; return its plan with the delays and uncertainties of the record."""
        of = self._record.of_inputs
        made = self._digitizer.configure(replace(plan, settle_samples=plan.settle_samples + EARLY))
        at = [self._record.inputs.index(f"{self._name}/{channel}") for channel in made.channels]
        self._gain, self._offset_v, self._given = of.gain[at], of.offset_v[at], np.zeros((0, 4))
        skew_s = np.asarray(made.skew_s) + of.delay_s[at]
        return replace(
            made,
            skew_s=tuple(skew_s.tolist()),
            u_offset_v=float(of.u_offset_v[at].max()),
            u_gain=float(of.u_gain[at].max()),
        )

    def read(self, timeout_s: float) -> Block:
        """Read the next scans, with a scale that converts their codes to true volts."""
        block = self._digitizer.read(timeout_s)
        if not np.array_equal(block.scale, self._given):
            self._given = block.scale.copy()
            self._scale = block.scale / self._gain[:, np.newaxis]
            self._scale[:, 0] -= self._offset_v / self._gain
        return replace(block, scale=self._scale)

    def open(self) -> None:
        """Pass the call on to the digitizer."""
        self._digitizer.open()

    def identify(self) -> Identity:
        """Identity of the digitizer; raises ConfigError if the record belongs to another digitizer."""
        found = self._digitizer.identify()
        self._record.check_identity(self._name, found)
        return found

    def arm(self) -> None:
        """Pass the call on to the digitizer."""
        self._digitizer.arm()

    def start(self) -> None:
        """Pass the call on to the digitizer."""
        self._digitizer.start()

    def make_safe(self) -> None:
        """Pass the call on to the digitizer."""
        self._digitizer.make_safe()

    def close(self) -> None:
        """Pass the call on to the digitizer."""
        self._digitizer.close()


class CalibratedSource(WrappedSource):
    """A source that plays the requested volts: its programs compensate its gain, offset and delay.

    `idle` plays a nominal 0 V without compensation, because nothing is measured then.
    """

    def __init__(self, name: str, source: WaveformSource, record: CalibrationRecord) -> None:
        super().__init__(source)
        self._name = name
        self._record = record
        self._at = {label: column for column, label in enumerate(record.outputs)}

    def load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        """Load compensated programs; return the programs that are really played."""
        sent = {channel: self._compensated(channel, program) for channel, program in programs.items()}
        played = self._source.load(sent)
        return {
            channel: programs[channel] if program == sent.get(channel) else self._real(channel, program)
            for channel, program in played.items()
        }

    def _compensated(self, channel: str, program: ToneProgram) -> ToneProgram:
        k = self._at.get(f"{self._name}/{channel}")
        if k is None:
            return program
        of = self._record.of_outputs
        turn = 2 * np.pi * float(of.delay_s[k])
        tones = (
            Tone(t.frequency_hz, t.amplitude / float(of.tone_gain[k]), t.phase_rad + turn * t.frequency_hz)
            for t in program.tones
        )
        return ToneProgram((program.dc - float(of.offset_v[k])) / float(of.gain[k]), tuple(tones))

    def _real(self, channel: str, program: ToneProgram) -> ToneProgram:
        k = self._at.get(f"{self._name}/{channel}")
        if k is None:
            return program
        of = self._record.of_outputs
        turn = 2 * np.pi * float(of.delay_s[k])
        tones = (
            Tone(t.frequency_hz, t.amplitude * float(of.tone_gain[k]), t.phase_rad - turn * t.frequency_hz)
            for t in program.tones
        )
        return ToneProgram(program.dc * float(of.gain[k]) + float(of.offset_v[k]), tuple(tones))

    def accuracy(self) -> SourceAccuracy:
        """Standard uncertainty of the amplitudes, from the record."""
        mine = [k for label, k in self._at.items() if label.partition("/")[0] == self._name]
        of = self._record.of_outputs
        return SourceAccuracy(float(np.maximum(of.u_gain, of.u_tone_gain)[mine].max(initial=0.0)))

    def identify(self) -> Identity:
        """Identity of the source; raises ConfigError if the record belongs to another source."""
        found = self._source.identify()
        self._record.check_identity(self._name, found)
        return found


class CalibratedProgrammer(WrappedProgrammer):
    """A programmer whose channels have the measured levels; channels without a measurement keep the nominal ones."""

    def __init__(self, name: str, programmer: ConductanceProgrammer, record: CalibrationRecord) -> None:
        super().__init__(programmer)
        self._name = name
        self._record = record

    def levels(self) -> dict[str, LevelTable | Continuous]:
        """Measured levels of each channel, or the nominal ones."""
        nominal = self._programmer.levels()
        return {channel: self._record.levels.get(f"{self._name}/{channel}", each) for channel, each in nominal.items()}

    def identify(self) -> Identity:
        """Identity of the programmer; raises ConfigError if the record belongs to another programmer."""
        found = self._programmer.identify()
        self._record.check_identity(self._name, found)
        return found
