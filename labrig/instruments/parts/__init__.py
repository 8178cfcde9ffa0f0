"""Programmable parts, one file per kind, looked up by the name in `part:`."""

from labrig.extensions import Extensions, UnknownExtension, is_third_party
from labrig.instruments.parts.part import Part, check_supply, problem_of_levels
from labrig.instruments.parts.potentiometer import Potentiometer
from labrig.quantities import QuantityField

PARTS = Extensions(
    noun="part",
    package="labrig.instruments.parts",
    own={
        "MCP4251-104": "potentiometer:MCP4251_104",
        "MCP4251-103": "potentiometer:MCP4251_103",
        "MCP4651-104": "potentiometer:MCP4651_104",
        "AD5293-100": "potentiometer:AD5293_100",
        "AD5206-100": "potentiometer:AD5206_100",
        "AD5220-100": "potentiometer:AD5220_100",
        "SERVO": "servo:Servo",
        "TIO2": "tio2:TiO2",
        "RERAM": "reram:ReRam",
        "PCM": "pcm:Pcm",
    },
    kind=Part,
)


_RESISTANCE = QuantityField("resistance", "4.7 kΩ", "be positive")


def find_part(name: str) -> Part:
    """Return the nominal part with this name, e.g. "MCP4251-103", or "MCP4251-103 + 4.7 kΩ" with a resistor in series.

    Raises
    ------
    UnknownExtension
        If there is no such part, it cannot be created without arguments, its levels are not those of a part, or it
        cannot have this resistor in series.
    """
    chip, plus, series = (text.strip() for text in name.partition(" + "))
    found = PARTS.find(chip)
    try:
        part = found()
    except TypeError as error:
        raise UnknownExtension(f"{chip} cannot be used: {error}") from error
    if is_third_party(found) and (problem := problem_of_levels(part.levels())):
        raise UnknownExtension(f"{chip} cannot be used: {problem}")
    return _in_series(part, series) if plus else part


def _in_series(part: Part, resistance: str) -> Part:
    if not isinstance(part, Potentiometer):
        raise UnknownExtension(f"{part.name} cannot have a resistor in series; only potentiometers can")
    try:
        return part.in_series(_RESISTANCE.read(resistance))
    except ValueError as error:
        raise UnknownExtension(f"the resistor in series with {part.name}: {error}") from error


__all__ = ["PARTS", "Part", "check_supply", "find_part"]
