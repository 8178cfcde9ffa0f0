"""Factors of transducers as written in a configuration: '2 N/V', '10 V/mm', '2 N/m per µS'."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, get_args

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

from labrig.medium import Role, medium_in_use
from labrig.quantities import as_written, parse_quantity, si_unit


@dataclass(frozen=True)
class Factor:
    """The factor by which a transducer converts one quantity into another, in SI units.

    Parameters
    ----------
    value : float
        Output per unit of input; negative if the transducer inverts.
    output, input : str
        Dimensions of output and input.
    """

    value: float
    output: str
    input: str


def parse_factor(text: str) -> Factor:
    """Read a factor: a quantity, followed by the unit of the input after 'per' or after the last '/' outside brackets.

    Raises
    ------
    ValueError
        With a message for the user.
    """
    output, per, unit = text.partition(" per ")
    if not per:
        place = _last_slash(text)
        output, unit = (text, "") if place is None else (text[:place], text[place + 1 :])
    unit = unit.strip()
    if unit.startswith("(") and unit.endswith(")"):
        unit = unit[1:-1]
    if not unit:
        raise ValueError(f"{as_written(text)} is not a factor such as '2 N/V' or '5 mL/s per V'")
    numerator, denominator = parse_quantity(output), parse_quantity(f"1 {unit}")
    if numerator.value == 0:
        raise ValueError("a transducer with a factor of 0 transmits nothing; write another factor")
    return Factor(numerator.value / denominator.value, numerator.dimension, denominator.dimension)


def _last_slash(text: str) -> int | None:
    depth = 0
    for place in range(len(text) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(text[place], 0)
        if text[place] == "/" and depth == 0:
            return place
    return None


@dataclass(frozen=True)
class FactorField:
    """Pydantic metadata: the text of a factor, which is kept as text and read again by `parse_factor`.

    Parameters
    ----------
    outputs, inputs : tuple of str
        Allowed dimensions, each as a role in the medium in use or as the name of a dimension.
    """

    outputs: tuple[str, ...]
    inputs: tuple[str, ...]

    def read(self, value: object) -> str:
        """Return the text; raises ValueError with a message for the user."""
        if not isinstance(value, str):
            raise ValueError(f"expected {self.describe()}, got {as_written(value)}")
        factor = parse_factor(value)
        if factor.output not in _dimensions(self.outputs) or factor.input not in _dimensions(self.inputs):
            raise ValueError(f"{as_written(value)} is not suitable: expected {self.describe()}")
        return value

    def describe(self) -> str:
        """Describe the field: "a factor in N/V or m/V"."""
        inputs = _dimensions(self.inputs)
        pairs = [f"{si_unit(output)} per {si_unit(given)}" for output in _dimensions(self.outputs) for given in inputs]
        return f"a factor in {' or '.join(pairs)}"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(self.read, handler(source))


_ROLES: tuple[Role, ...] = get_args(Role)


def _dimensions(names: tuple[str, ...]) -> list[str]:
    found = [medium_in_use().dimension(name) if name in _ROLES else name for name in names]  # type: ignore[arg-type]
    return [dimension for dimension in found if dimension]


ActuatorFactor = Annotated[str, FactorField(("flow", "state", "second_flow"), ("voltage",))]
SensorFactor = Annotated[str, FactorField(("voltage",), ("state", "second_state"))]
EdgeFactor = Annotated[str, FactorField(("parameter",), ("conductance",))]
