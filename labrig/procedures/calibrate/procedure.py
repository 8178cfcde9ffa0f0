"""Runs a calibration: from the fixtures to the calibration record of a bench."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from labrig.calibration.record import CalibrationRecord, utc_text
from labrig.procedures.calibrate.digitizer import calibrate_digitizer
from labrig.procedures.calibrate.guide import Guide
from labrig.procedures.calibrate.levels import Sweep, sweep_levels
from labrig.procedures.calibrate.sources import calibrate_sources

VALID = timedelta(days=365)
"""Default time for which a record is valid."""


def calibrate(
    guide: Guide,
    *,
    valid: timedelta = VALID,
    temperature_c: float | None = None,
    with_levels: bool = True,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> CalibrationRecord:
    """Calibrate the digitizer, the sources and the programmable parts of a bench.

    Parameters
    ----------
    guide : Guide
        The instruments and the fixtures.
    valid : timedelta
        Time for which the record is valid.
    temperature_c : float, optional
        Temperature of the instruments (°C), for the record.
    with_levels : bool
        Whether to sweep the programmable parts.
    now : callable
        Returns the present time.
    """
    findings: list[str] = []
    inputs, shorted = calibrate_digitizer(guide, findings)
    outputs = calibrate_sources(guide, inputs, shorted, findings)
    swept = sweep_levels(guide, inputs, outputs, findings) if with_levels else Sweep()
    assembly, standards, began = guide.assembly, guide.standards, now()
    real = assembly.header.bench == "hardware"
    return CalibrationRecord(
        created=utc_text(began),
        valid_until=utc_text(began + valid),
        digitizer=guide.hookup.digitizer,
        inputs=guide.inputs,
        outputs=(*guide.outputs, guide.pilot.label),
        pilot=guide.pilot.label,
        identities=dict(guide.identities),
        conditions={
            "config": assembly.name,
            "bench": assembly.header.bench,
            "simulation_seed": None if real else assembly.simulation_seed,
            "sample_rate_hz": assembly.acquisition.sample_rate,
            "full_scale_v": guide.able.full_scale_v,
            "temperature_c": temperature_c,
            "reference_v": standards.volts,
            "u_reference": standards.u_volts,
            "standard_ohm": standards.ohm,
            "u_standard": standards.u_ohm,
        },
        of_inputs=inputs,
        of_outputs=outputs,
        levels=swept.levels,
        findings=tuple(findings),
        unusable=swept.unusable,
    )
