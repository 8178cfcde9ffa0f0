"""Numbers with units: text to SI and back, and the field types of configurations.

A small table of units reads `10 kHz`, `4.7 kΩ`, `500 mVpp`, `1 MS/s` (a sample rate) and `10 µS` (a conductance).
Peak-to-peak, peak and rms voltages are different dimensions, so that they cannot be confused.
"""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

# The micro sign has two code points: U+00B5 on keyboards, U+03BC in Greek text.
_PREFIXES = {"f": -15, "p": -12, "n": -9, "u": -6, "\u00b5": -6, "\u03bc": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9}
_WRITTEN_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "\u00b5", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}

# The first unit of a dimension is the one written by `format_quantity`. Ohm: U+03A9 is Greek, U+2126 the ohm sign.
UNITS = {
    "Hz": "frequency",
    "s": "time",
    "V": "voltage",
    "Vpp": "voltage_pp",
    "Vrms": "voltage_rms",
    "Vp": "voltage_p",
    "A": "current",
    "\u03a9": "resistance",
    "\u2126": "resistance",
    "ohm": "resistance",
    "Ohm": "resistance",
    "S": "conductance",
    "S/s": "sample_rate",
    "Sa/s": "sample_rate",
    "F": "capacitance",
    "W": "power",
    "A/V": "transconductance",
    "°C": "temperature",
    "K": "temperature",
    "m": "length",
    "N": "force",
    "N/m": "stiffness",
    "J": "energy",
    "rad": "angle",
    "N·m": "torque",
    "N·m/rad": "torsional_stiffness",
    "Pa": "pressure",
    "mol/s": "molar_flow",
    "mol/m³": "concentration",
}
# Volumes: a prefix of m³ counts three times, 1 mm³ = 10⁻⁹ m³; a litre is 10⁻³ m³. (unit, its dimension, as written)
_VOLUMES = {
    "": "volume",
    "/s": "volume_flow",
    **dict.fromkeys(("/(s·Pa)", "/s/Pa", "/(Pa·s)", "/Pa/s"), "hydraulic_conductance"),
}
_RATIOS = {"%": -2, "ppm": -6}

# Unit as written -> (decimal exponent, dimension).
_SCALES: dict[str, tuple[int, str]] = {
    prefix + unit: (exponent, dimension) for unit, dimension in UNITS.items() for prefix, exponent in _PREFIXES.items()
} | {unit: (exponent, "ratio") for unit, exponent in _RATIOS.items()}
for _per, _dimension in _VOLUMES.items():
    for _prefix, _exponent in _PREFIXES.items():
        _SCALES |= {f"{_prefix}{cubed}{_per}": (3 * _exponent, _dimension) for cubed in ("m³", "m^3")}
        _SCALES[f"{_prefix}L{_per}"] = _exponent - 3, _dimension

_SYMBOLS = {dimension: unit for unit, dimension in reversed(UNITS.items())}
_LITRES = {"volume": "L", "volume_flow": "L/s", "hydraulic_conductance": "L/(s·Pa)"}
"""Dimensions that are written in litres (10⁻³ of the SI unit), whose prefixes count once."""

_MANTISSA = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
NUMBER = rf"{_MANTISSA}(?:[eE][-+]?[0-9]+)?"
"""Regular expression of a number, as written in YAML, before a unit, and in the cells of tables."""

_QUANTITY = re.compile(
    rf"\s*(?P<mantissa>{_MANTISSA})(?:[eE](?P<exponent>[-+]?[0-9]{{1,3}}))?\s*(?P<unit>[^\s0-9_.,+\-]\S*)?\s*"
)

_GROUPED = re.compile(r"\s*([-+]?)([0-9][0-9.,_'\u2019 \u00a0\u2009\u202f]*[0-9]|[0-9])(.*)\Z", re.DOTALL)
_GROUPING = re.compile("[_'\u2019 \u00a0\u2009\u202f]")
_MINUS_SIGNS = "\u2212\u2013\u2012\ufe63\uff0d"


@dataclass(frozen=True)
class Quantity:
    """A finite value in SI units (a ratio as a plain number) and the name of its dimension."""

    value: float
    dimension: str


def parse_quantity(text: str, dimension: str | None = None) -> Quantity:
    """Read a number with a unit, e.g. '-2.5 V', '1e-3 V', '.5V', '4.7 kΩ'.

    Parameters
    ----------
    text : str
        The number and its unit.
    dimension : str, optional
        The expected dimension, used only to suggest a unit instead of an unknown one.

    Raises
    ------
    ValueError
        With a message for the user, if there is no number, no unit, an unknown unit, or the number is too large.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        message = f"{as_written(text)} is not a number with a unit such as '10 kHz' or '-2.5 V'"
        raise ValueError(f"{message}{number_hint(text)}")
    unit = match["unit"]
    if unit is None:
        raise ValueError(f"{as_written(text)} has no unit")
    if unit not in _SCALES:
        raise ValueError(_unknown_unit(text, unit, dimension))
    exponent, dimension = _SCALES[unit]
    # One decimal conversion rounds once: 10 * 1e-6 is 9.999999999999999e-06.
    value = float(f"{match['mantissa']}e{int(match['exponent'] or 0) + exponent}")
    if not math.isfinite(value):
        raise ValueError(f"{as_written(text)} is too large")
    return Quantity(value, dimension)


def parse_number(text: str) -> float:
    """Read a number without a unit, e.g. '-2.5', '1e-3', '.5'; raises ValueError with a message for the user."""
    if re.fullmatch(NUMBER, text) is None:
        raise ValueError(f"{as_written(text)} is not a number{number_hint(text)}")
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{as_written(text)} is too large")
    return value


def number_hint(text: str) -> str:
    """Return a hint for a number with a comma, grouped digits, or foreign characters; else an empty string."""
    sign = text.strip()[:1]
    if sign and sign in _MINUS_SIGNS:
        return f"; the minus sign is '-', not {character_name(sign)}"
    for character in text:
        if character.isdecimal() and not character.isascii():
            return f"; digits are 0 to 9, not {character_name(character)}"
    match = _GROUPED.match(text)
    if match is None or match[2].isdigit():
        return ""
    sign, digits, rest = match[1], match[2], match[3]
    if _GROUPING.search(digits):
        plain = f"{sign}{_GROUPING.sub('', digits)}{rest}"
        return "; digits are not grouped" + (f": write {plain!r}" if "," not in plain else "")
    points, commas = digits.count("."), digits.count(",")
    if commas == 0:
        return "; a number has one decimal point" if points > 1 else ""
    whole, _, decimals = digits.rpartition(max(",.", key=digits.rfind))
    if commas and points:  # the last of the two is the decimal one, if it occurs once
        plain = f"{sign}{re.sub('[.,]', '', whole)}.{decimals}{rest}"
        return f"; digits are not grouped, and decimals are written with a point: {plain!r}"
    groups = digits.split(",")
    grouped = 1 <= len(groups[0]) <= 3 and groups[0] != "0" and all(len(group) == 3 for group in groups[1:])
    thousands = f"{sign}{''.join(groups)}{rest}"
    if commas > 1:
        return f"; digits are not grouped: {thousands!r}" if grouped else ""
    decimal = f"{sign}{groups[0]}.{groups[1]}{rest}"
    if grouped:
        return f"; is the comma a decimal point? Write {decimal!r}. Does it group thousands? Write {thousands!r}"
    return f"; decimals are written with a point: {decimal!r}"


def character_name(character: str) -> str:
    """Name a character that is hard to see or to tell apart: 'U+00A0 (no-break space)'."""
    name = unicodedata.name(character, "").lower()
    return f"U+{ord(character):04X}" + (f" ({name})" if name else "")


ESCAPES = "in double quotes a backslash begins an escape; write paths in single quotes, or with /"


def escape_hint(text: str) -> str:
    """Return a hint for a text with a tab or a line feed, as in a path in double quotes; else an empty string."""
    names = {"\t": "a tab", "\n": "a line feed", "\r": "a carriage return"}
    found = dict.fromkeys(names.get(c, character_name(c)) for c in text if ord(c) < 32)
    return f"; it contains {' and '.join(found)}: {ESCAPES}" if found else ""


def _unknown_unit(text: str, unit: str, dimension: str | None) -> str:
    message = f"unknown unit {as_written(unit)} in {as_written(text)}"
    units = [known for known, (_, measures) in _SCALES.items() if dimension in (None, measures)]
    near = [known for known in units if known.casefold() == unit.casefold()]
    near = near or difflib.get_close_matches(unit, units, 3, 0.6)
    near = list({unicodedata.normalize("NFKC", known): known for known in near}.values())  # Ω has two code points
    if near:
        return f"{message}; did you mean {' or '.join(repr(known) for known in near)}?"
    symbols = _SYMBOLS | _LITRES
    if dimension in symbols:
        return f"{message}; a {in_words(dimension)} is written in {symbols[dimension]}"
    return f"{message}; known units: {', '.join([*_SYMBOLS.values(), *_RATIOS])}"


def with_article(dimension: str) -> str:
    """Return a dimension in words with its article: 'a pressure', 'an angle'."""
    words = in_words(dimension)
    return f"{'an' if words.startswith(tuple('aeiou')) else 'a'} {words}"


def in_words(dimension: str) -> str:
    """Return the name of a dimension for messages."""
    return "peak-to-peak voltage" if dimension == "voltage_pp" else dimension.replace("_", " ")


def format_quantity(value: float, dimension: str) -> str:
    """Write an SI value with an engineering prefix and four significant digits: '10 µS', '1.25 kHz', '3600 s'.

    Inf and NaN are written ('nan V') although `parse_quantity` does not read them, so that messages never fail. Raises
    ValueError for an unknown dimension.
    """
    if dimension == "ratio":
        unit = "%" if value == 0 or not abs(value) < 1e-3 else "ppm"
        return f"{value / 10.0 ** _RATIOS[unit]:.4g} {unit}"
    if dimension in _LITRES:
        value, symbol = 1e3 * value, _LITRES[dimension]
    elif dimension in _SYMBOLS:
        symbol = _SYMBOLS[dimension]
    else:
        raise ValueError(f"unknown dimension {dimension!r}; known: {', '.join([*_SYMBOLS, *_LITRES, 'ratio'])}")
    if value == 0 or not math.isfinite(value):
        return f"{abs(value) if value == 0 else value:g} {symbol}"
    # Rounded to four digits first, so that 999.96 Hz becomes '1 kHz' and not '1000 Hz'.
    mantissa, exponent = f"{value:.3e}".split("e")
    largest = 0 if dimension == "time" else 9  # no kiloseconds
    engineering = min(max(3 * (int(exponent) // 3), -15), largest)
    number = float(f"{mantissa}e{int(exponent) - engineering}")
    return f"{number:.4g} {_WRITTEN_PREFIXES[engineering]}{symbol}"


def exact_quantity(value: float, dimension: str) -> str:
    """Write an SI value with enough digits for `parse_quantity` to return the same float."""
    text = format_quantity(value, dimension)
    return text if parse_quantity(text).value == value else f"{value!r} {si_unit(dimension)}"


def si_unit(dimension: str) -> str:
    """Return the SI unit of a dimension without a prefix: 'V', 'N/m', 'm³/s'."""
    return {"volume": "m³", "volume_flow": "m³/s", "hydraulic_conductance": "m³/(s·Pa)"}.get(dimension) or _SYMBOLS[
        dimension
    ]


def as_written(value: object) -> str:
    """Name a configuration value in a message: text in quotes (shortened), true, nothing, a map, a list."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else f"{value[:57]}...")
    if isinstance(value, dict | list | tuple):
        return "a map" if isinstance(value, dict) else "a list"
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


@dataclass(frozen=True)
class QuantityField:
    """Pydantic metadata: a field written as a number with a unit, stored as a float in SI units.

    JSON gets the text with its unit again, so that it can be validated like a configuration. A bare number, even zero,
    and another dimension are errors. If the value is not text the error type is 'quantity_type', which lets a union
    distinguish a wrong type from a wrong value.
    """

    dimension: str
    example: str
    sign: Literal["", "be positive", "not be negative"] = ""

    def read(self, value: object) -> float:
        """Return the value in SI units; raises ValueError with a message for the user."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise ValueError(self._bare(value))
        if not isinstance(value, str):
            message = f"expected {self.describe()}, got {as_written(value)}"
            raise PydanticCustomError("quantity_type", "{message}", {"message": message})
        match = _QUANTITY.fullmatch(value)
        if match is not None and match["unit"] is None:
            raise ValueError(self._bare(value.strip()))
        if match is None:
            raise ValueError(f"expected {self.describe()}, got {as_written(value)}{number_hint(value)}")
        quantity = parse_quantity(value, self.dimension)
        if quantity.dimension not in self.dimensions:
            raise ValueError(f"{as_written(value)} is {with_article(quantity.dimension)}, expected {self.describe()}")
        if (self.sign == "be positive" and quantity.value <= 0) or (
            self.sign == "not be negative" and quantity.value < 0
        ):
            raise ValueError(f"must {self.sign}, got {as_written(value)}")
        return quantity.value

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The dimensions that the value may have."""
        return (self.dimension,)

    def describe(self) -> str:
        """Describe the field: "a time such as '20 ms'"."""
        return f"{' or '.join(map(with_article, self.dimensions))} such as '{self.example}'"

    def _bare(self, number: object) -> str:
        return f"write the unit, e.g. '{self.example}' (bare number {number} is ambiguous)"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        written = core_schema.plain_serializer_function_ser_schema(
            lambda value: exact_quantity(value, self.dimension), when_used="json"
        )
        return core_schema.no_info_before_validator_function(self.read, handler(source), serialization=written)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        units = "|".join(re.escape(unit) for unit, (_, measures) in _SCALES.items() if measures in self.dimensions)
        return {
            "type": "string",
            "pattern": rf"^\s*{NUMBER}\s*({units})\s*$",
            "$comment": in_words(self.dimension),
            "examples": [self.example],
        }


@dataclass(frozen=True)
class WholeNumberField:
    """Pydantic metadata: a whole number ≥ `minimum`; a whole float such as 1e3 is accepted, true is not."""

    minimum: int

    def read(self, value: object) -> int:
        """Return the number; raises ValueError with a message for the user."""
        whole = isinstance(value, int) and not isinstance(value, bool)
        whole = whole or (isinstance(value, float) and value.is_integer())
        if not whole or not isinstance(value, int | float):
            message = f"expected {self.describe()}, got {as_written(value)}"
            raise PydanticCustomError("whole_number_type", "{message}", {"message": message})
        if value < self.minimum:
            raise ValueError(f"must be at least {self.minimum}, got {as_written(value)}")
        return int(value)

    def describe(self) -> str:
        """Describe the field."""
        return "a whole number"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(self.read, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.minimum}


Frequency = Annotated[float, QuantityField("frequency", "10 kHz")]
Time = Annotated[float, QuantityField("time", "20 ms")]
Voltage = Annotated[float, QuantityField("voltage", "500 mV")]
VoltagePP = Annotated[float, QuantityField("voltage_pp", "500 mVpp")]
Current = Annotated[float, QuantityField("current", "1 µA")]
Resistance = Annotated[float, QuantityField("resistance", "4.7 kΩ")]
Conductance = Annotated[float, QuantityField("conductance", "10 µS")]
SampleRate = Annotated[float, QuantityField("sample_rate", "50 kS/s")]
Power = Annotated[float, QuantityField("power", "5 mW")]
Capacitance = Annotated[float, QuantityField("capacitance", "10 nF")]
Transconductance = Annotated[float, QuantityField("transconductance", "10 µA/V")]
Temperature = Annotated[float, QuantityField("temperature", "10 °C")]
"""A difference of temperatures: 10 °C is 10 K."""
Ratio = Annotated[float, QuantityField("ratio", "1 %")]
PositivePressure = Annotated[float, QuantityField("pressure", "1 kPa", "be positive")]
PositiveVolume = Annotated[float, QuantityField("volume", "1 µL", "be positive")]
PositiveHydraulicConductance = Annotated[float, QuantityField("hydraulic_conductance", "50 nL/(s·Pa)", "be positive")]
Length = Annotated[float, QuantityField("length", "10 mm")]
PositiveRatio = Annotated[float, QuantityField("ratio", "1 %", "be positive")]
PositiveFrequency = Annotated[float, QuantityField("frequency", "10 kHz", "be positive")]
PositiveTime = Annotated[float, QuantityField("time", "20 ms", "be positive")]
PositiveVoltage = Annotated[float, QuantityField("voltage", "500 mV", "be positive")]
PositiveVoltagePP = Annotated[float, QuantityField("voltage_pp", "500 mVpp", "be positive")]
PositiveCurrent = Annotated[float, QuantityField("current", "1 µA", "be positive")]
PositiveResistance = Annotated[float, QuantityField("resistance", "4.7 kΩ", "be positive")]
PositiveConductance = Annotated[float, QuantityField("conductance", "10 µS", "be positive")]
PositiveSampleRate = Annotated[float, QuantityField("sample_rate", "50 kS/s", "be positive")]
PositivePower = Annotated[float, QuantityField("power", "5 mW", "be positive")]
PositiveCapacitance = Annotated[float, QuantityField("capacitance", "10 nF", "be positive")]
PositiveTransconductance = Annotated[float, QuantityField("transconductance", "10 µA/V", "be positive")]
PositiveLength = Annotated[float, QuantityField("length", "10 mm", "be positive")]
PositiveStiffness = Annotated[float, QuantityField("stiffness", "10 N/m", "be positive")]

NonNegativeTime = Annotated[float, QuantityField("time", "20 ms", "not be negative")]

Count = Annotated[int, WholeNumberField(1)]
NonNegativeCount = Annotated[int, WholeNumberField(0)]
Index = NonNegativeCount

MOST = 100_000
"""Largest number of nodes in a layer, or of examples in a random task: beyond any board, and still within memory."""
