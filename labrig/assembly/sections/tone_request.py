"""The tones of a configuration: how many are needed, and what the sources can play."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labrig.assembly.sections.instruments import Device
from labrig.instruments.drivers import SourceCapabilities
from labrig.signals.sideband_planner import check_sidebands, plan_sidebands
from labrig.signals.tone_planner import PlanError, TonePlan, check_repeats, check_tones, plan_tones


def tone_period(devices: Mapping[str, Device]) -> int | None:
    """Return the number of samples after which all tones must repeat; None if every source plays any tone."""
    able = [each.capabilities for each in devices.values() if isinstance(each.capabilities, SourceCapabilities)]
    periods = [source.tone_period for source in able if source.tone_period is not None]
    return math.gcd(*periods) if periods else None


@dataclass(frozen=True, slots=True)
class ToneRequest:
    """The tones that a configuration needs.

    Attributes
    ----------
    sample_rate_hz : float
        Sample rate (S/s).
    window_samples : int
        Length of the window (samples).
    band_hz : (float, float)
        Lowest and highest frequency allowed (Hz).
    order : int
        Highest order of the intermodulation products to avoid.
    error, activation : int
        Numbers of tones for the error and for the activation.
    sidebands : bool
        Whether the tones are one tone and its two sidebands.
    repeats : int or None
        Number of samples after which every tone must repeat.
    """

    sample_rate_hz: float
    window_samples: int
    band_hz: tuple[float, float]
    order: int
    error: int
    activation: int
    sidebands: bool
    repeats: int | None

    def planned(self, mains_hz: Sequence[float]) -> TonePlan:
        """Choose tones that avoid harmonics of the mains (Hz). Raises PlanError if there are none."""
        rate, samples, band, order = self.sample_rate_hz, self.window_samples, self.band_hz, self.order
        if self.sidebands:
            plan = plan_sidebands(
                sample_rate_hz=rate, window_samples=samples, band_hz=band, order=order, mains_hz=mains_hz
            )
            return check_repeats(plan, self.repeats)
        return plan_tones(
            sample_rate_hz=rate,
            window_samples=samples,
            count=self.error + self.activation,
            band_hz=band,
            order=order,
            mains_hz=mains_hz,
            repeats=self.repeats,
        )

    def checked(self, frequencies_hz: Sequence[float]) -> TonePlan:
        """Check tones (Hz) that the user chose. Raises PlanError with the tone that is not allowed, and the reason."""
        if (given := len(frequencies_hz)) != self.error + self.activation:
            raise PlanError(self._wrong_count(given))
        chosen = self.sample_rate_hz, self.window_samples, frequencies_hz, self.band_hz
        if self.sidebands:  # sidebands are products of order 3 of one another
            plan = check_sidebands(check_tones(*chosen, order=2), self.order)
        else:
            plan = check_tones(*chosen, self.order)
        return check_repeats(plan, self.repeats)

    def _wrong_count(self, given: int) -> str:
        needed, got = self.error + self.activation, f"got {given} tone{'' if given == 1 else 's'}"
        uses = f"1 for the activation, {self.error} for the error" if self.activation else "for the error"
        are = "is" if needed == 1 else "are"
        return f"{got}, but {needed} {are} needed ({uses}); list {needed}, or write 'tones: auto'"
