"""The differences between the models of the SDG family, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from labrig_drivers.visa import is_raw_socket

SOCKET, VXI_11, USB = "a raw socket", "VXI-11", "USB"

LONGEST_USB_MESSAGE = 52
"""Longest text message sent over USB (bytes): longer ones, in packets of more than 64 bytes, are reported to hang a
rebranded SDG2000X."""


@dataclass(frozen=True, slots=True)
class SdgModel:
    """A series of generators.

    Attributes
    ----------
    bits
        Resolution of its converter.
    level_step_v, phase_step_deg
        Steps to which the generator rounds levels (V) and phases (degrees); 0 if it rounds to six significant digits.
    uploads_over
        Interfaces over which waveforms can be uploaded.
    upload_advice
        Remedy if the generator is connected by another interface.
    true_arb
        Whether the generator has a true-arb mode.
    """

    bits: int = 16
    level_step_v: float = 0.0
    phase_step_deg: float = 0.0
    uploads_over: tuple[str, ...] = (VXI_11, USB)
    upload_advice: str = "use its VXI-11 or USB resource (TCPIP::<address>::INSTR)"
    true_arb: bool = True

    def volts(self, value: float) -> str:
        """Return a level as the instrument echoes it: in its steps, with six significant digits, no negative zero."""
        return f"{_stepped(value, self.level_step_v) + 0.0:.6g}"

    def degrees(self, value: float) -> str:
        """Return a phase in (-180, 180] as the instrument echoes it."""
        wrapped = -((-_stepped(value, self.phase_step_deg) + 180.0) % 360.0 - 180.0)
        return f"{wrapped + 0.0:.6g}"

    def same_level(self, asked: float, got: float) -> bool:
        """Whether two levels (V) differ by rounding only."""
        return _same(asked, got, self.level_step_v)

    def same_phase(self, asked: float, got: float) -> bool:
        """Whether two phases (degrees) differ by rounding only."""
        return _same(asked, got, self.phase_step_deg)

    def uploads(self, resource: str) -> bool:
        """Whether waveforms can be uploaded over this VISA resource."""
        return interface(resource) in self.uploads_over


SERIES: Mapping[str, SdgModel] = {
    "SDG1": SdgModel(
        14,
        1e-3,
        0.01,
        (SOCKET,),
        "use its raw socket (TCPIP::<address>::5025::SOCKET): over USB an upload is dropped",
        true_arb=False,
    ),
    "SDG2": SdgModel(),
    "SDG6": SdgModel(),
}
"""Series by the first letters of the model: SDG1000X as measured on an SDG1032X, the others like SDG2000X."""


def model_of(name: str | None) -> SdgModel:
    """The series of a model; SDG2000X if it is not known."""
    return SERIES.get((name or "")[:4].upper(), SERIES["SDG2"])


def interface(resource: str) -> str:
    """The interface of a VISA resource name."""
    return SOCKET if is_raw_socket(resource) else USB if resource.upper().startswith("USB") else VXI_11


def _stepped(value: float, step: float) -> float:
    return round(value / step) * step if step else value


def _same(asked: float, got: float, step: float) -> bool:
    """Whether two numbers differ by no more than half a step, or the sixth digit."""
    return abs(got - asked) <= max(1e-6, 2e-6 * abs(asked), 0.5 * step)
