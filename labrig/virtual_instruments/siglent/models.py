"""The models of virtual generators and their firmware, as data. The sources are in tests/wire/README.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Firmware:
    """The properties in which firmware versions differ.

    Attributes
    ----------
    version
        Version as in the reply to *IDN?.
    raw_socket
        Whether it serves SCPI over a raw socket (port 5025).
    level_step_v, phase_step_deg
        Steps of amplitude and offset (V) and of the phase (degrees); 0 if six digits are kept.
    swallows_after_wave_type
        Whether it ignores the message after a BSWV that sets WVTP and something else.
    tells_clock_output
        Whether the reply to ROSC? includes 10MOUT.
    tells_power_on_state
        Whether the reply to OUTP? includes POWERON_STATE.
    tells_trigger_coupling
        Whether the reply to COUP? includes TRDUCH.
    """

    version: str
    raw_socket: bool = True
    level_step_v: float = 0.0
    phase_step_deg: float = 0.0
    swallows_after_wave_type: bool = False
    tells_clock_output: bool = True
    tells_power_on_state: bool = False
    tells_trigger_coupling: bool = True


@dataclass(frozen=True, slots=True)
class Model:
    """One model: the highest frequency of a sine (Hz), and its firmware versions, the default first."""

    highest_hz: float
    firmware: tuple[Firmware, ...]


SDG1000X = (
    Firmware(
        "1.01.01.33R1B6",
        level_step_v=1e-3,
        phase_step_deg=0.01,
        swallows_after_wave_type=True,
        tells_clock_output=False,
        tells_trigger_coupling=False,
    ),
)
SDG2000X = (Firmware("2.01.01.23R7", raw_socket=False), Firmware("2.01.01.39R7", tells_power_on_state=True))
SDG6000X = (Firmware("6.01.01.37R6"),)

MODELS: Mapping[str, Model] = {
    "SDG1032X": Model(30e6, SDG1000X),
    "SDG1062X": Model(60e6, SDG1000X),
    "SDG2042X": Model(40e6, SDG2000X),
    "SDG2082X": Model(80e6, SDG2000X),
    "SDG2122X": Model(120e6, SDG2000X),
    "SDG6022X": Model(200e6, SDG6000X),
    "SDG6032X": Model(350e6, SDG6000X),
    "SDG6052X": Model(500e6, SDG6000X),
}


def model_of(name: str) -> Model:
    """Return a model by its name; an SDG2042X for an unknown name."""
    return MODELS.get(name, MODELS["SDG2042X"])


def firmware_of(name: str, raw_socket: bool) -> Firmware:
    """Return the first firmware of a model that serves a raw socket if `raw_socket`, otherwise VXI-11."""
    return next(version for version in model_of(name).firmware if version.raw_socket or not raw_socket)
