"""Options of a Keysight Truevolt multimeter and the capabilities that follow from them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from labrig.instruments.addresses import check_visa
from labrig.instruments.drivers import DigitizerCapabilities, InstrumentOptions
from labrig.quantities import PositiveFrequency, PositiveTime, PositiveVoltage, format_quantity

MODELS = ("34460A", "34461A", "34465A", "34470A")

CHANNEL = "1"

RESOLUTION: Mapping[float, float] = {0.02: 1e-4, 0.2: 1e-5, 1.0: 3e-6, 10.0: 1e-6, 100.0: 3e-7}
"""Resolution relative to the range, by integration time (power line cycles), for the times that every model offers.
Source: the drivers of QCoDeS."""

ACCURACY: Mapping[float, tuple[float, float]] = {
    0.1: (50e-6, 35e-6),
    1.0: (40e-6, 7e-6),
    10.0: (35e-6, 5e-6),
    100.0: (45e-6, 6e-6),
}
"""Largest errors by range (V): relative to the reading, and to the range. Source: data sheet of the 34461A, 1 year."""

INTEGRATIONS = 2
"""Integrations per reading: with autozero, one of the input and one of the zero."""


class TruevoltOptions(InstrumentOptions):
    """Options of `keysight.truevolt`.

    Attributes
    ----------
    resource
        VISA resource name.
    full_scale
        Range (V): 100 mV, 1 V, 10 V or 100 V.
    aperture
        Integration time of a reading (s): 0.02, 0.2, 1, 10 or 100 periods of the mains.
    mains
        Frequency of the mains (Hz).
    deadline
        Deadline of every call (s).
    """

    resource: str
    full_scale: PositiveVoltage = 10.0
    aperture: PositiveTime = 20e-3
    mains: PositiveFrequency = 50.0
    deadline: PositiveTime = 2.0

    @property
    def cycles(self) -> float:
        """Integration time in power line cycles. Raises ValueError if the multimeter does not offer it."""
        asked = self.aperture * self.mains
        for cycles in RESOLUTION:
            if math.isclose(asked, cycles, rel_tol=1e-3):
                return cycles
        known = ", ".join(format_quantity(cycles / self.mains, "time") for cycles in RESOLUTION)
        raise ValueError(f"aperture: must be one of {known} at {format_quantity(self.mains, 'frequency')}")

    @property
    def aperture_s(self) -> float:
        """Integration time (s), exact even if `aperture` is rounded. Raises ValueError if none matches `aperture`."""
        return self.cycles / self.mains


def capabilities(options: TruevoltOptions) -> DigitizerCapabilities:
    """Capabilities of the multimeter. Raises ValueError for a range or an aperture that it does not have."""
    try:
        check_visa(options.resource)
    except ValueError as error:
        raise ValueError(f"resource: {error}") from error
    if not any(math.isclose(options.full_scale, known) for known in ACCURACY):
        raise ValueError(f"full_scale: must be one of {', '.join(format_quantity(v, 'voltage') for v in ACCURACY)}")
    return DigitizerCapabilities(
        channels=(CHANNEL,),
        bits=math.floor(math.log2(2 / RESOLUTION[options.cycles])),
        full_scale_v=options.full_scale,
        max_sample_rate_hz=1 / (INTEGRATIONS * options.aperture_s),
        convert_interval_s=0.0,
        aperture_s=options.aperture_s,
        clock_output=None,
        clock_remedy="a multimeter has no clock output; use it as the judge",
        start_remedy="a multimeter cannot start sources; use it as the judge",
        address=re.sub(r"(?i)::5025::SOCKET$", "::INSTR", options.resource),
    )
