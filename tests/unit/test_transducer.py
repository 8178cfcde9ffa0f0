"""Factors of transducers: what is read, and what is refused."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from labrig.medium import ELECTRICAL, Medium, PositiveState, using
from labrig.network.elastic.options import MECHANICAL
from labrig.transducer import ActuatorFactor, SensorFactor, parse_factor


@pytest.mark.parametrize(
    ("text", "value", "output", "given"),
    [
        ("2 N/V", 2.0, "force", "voltage"),
        ("-1 mm/V", -1e-3, "length", "voltage"),
        ("10 V/mm", 1e4, "voltage", "length"),
        ("2 N/m per µS", 2e6, "stiffness", "conductance"),
        ("5 mL/s per V", 5e-6, "volume_flow", "voltage"),
        ("5 mm³/s/V", 5e-9, "volume_flow", "voltage"),
        ("0.1 V/(mol/m³)", 0.1, "voltage", "concentration"),
        ("1 nL/(s·Pa) per µS", 1e-6, "hydraulic_conductance", "conductance"),
    ],
)
def test_a_factor_is_read(text: str, value: float, output: str, given: str) -> None:
    factor = parse_factor(text)
    assert factor.value == pytest.approx(value, rel=1e-12)
    assert (factor.output, factor.input) == (output, given)


@pytest.mark.parametrize("text", ["2 N", "2", "N/V", "0 N/V", "2 parsec/V", "", "2 N per "])
def test_what_is_no_factor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a (factor|number)|no unit|unknown unit|transmits nothing"):
        parse_factor(text)


class Row(BaseModel):
    actuator: ActuatorFactor
    sensor: SensorFactor
    limit: PositiveState


def test_keys_have_the_unit_of_the_medium_in_use() -> None:
    with using(MECHANICAL):
        row = Row(actuator="2 N/V", sensor="10 V/mm", limit="2 mm")  # type: ignore[arg-type]
        assert row.limit == 2e-3
        with pytest.raises(ValidationError, match="expected a length such as"):
            Row(actuator="2 N/V", sensor="10 V/mm", limit="2 V")  # type: ignore[arg-type]
        with pytest.raises(ValidationError, match="expected a factor in N per V or m per V"):
            Row(actuator="2 Pa/V", sensor="10 V/mm", limit="2 mm")  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="expected a voltage such as"):
        Row(actuator="2 A/V", sensor="10 V/V", limit="2 mm")  # type: ignore[arg-type]


def test_a_medium_writes_its_own_units() -> None:
    assert ELECTRICAL.text("parameter", 1e-5) == "10 µS"
    assert MECHANICAL.text("parameter", 10.0) == "10 N/m"
    assert (ELECTRICAL.state_key, MECHANICAL.state_key, Medium(state="pressure").state_key) == ("v", "m", "pa")
