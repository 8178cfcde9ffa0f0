"""Programmable parts, one file per kind, looked up by the name in `part:`."""

from labrig.extensions import Extensions, UnknownExtension
from labrig.instruments.parts.part import Part, check_supply

PARTS = Extensions(
    noun="part",
    package="labrig.instruments.parts",
    own={
        "MCP4251-104": "potentiometer:MCP4251_104",
        "MCP4251-103": "potentiometer:MCP4251_103",
        "AD5293-100": "potentiometer:AD5293_100",
        "SERVO": "servo:Servo",
        "TIO2": "tio2:TiO2",
        "RERAM": "reram:ReRam",
        "PCM": "pcm:Pcm",
    },
    kind=Part,
)


def find_part(name: str) -> Part:
    """Return the nominal part with this name.

    Raises
    ------
    UnknownExtension
        If there is no such part, or if it cannot be created without arguments.
    """
    found = PARTS.find(name)
    try:
        return found()
    except TypeError as error:
        raise UnknownExtension(f"{name} cannot be used: {error}") from error


__all__ = ["PARTS", "Part", "check_supply", "find_part"]
