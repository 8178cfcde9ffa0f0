from __future__ import annotations

import contextlib
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from labrig import quantities
from labrig.procedures.wiring_sheet import nearest_e96
from labrig.quantities import Count, Index, Quantity, format_quantity, number_hint, parse_number, parse_quantity
from labrig.runs.units import unit_of_key

DIMENSIONS = [
    "frequency", "time", "voltage", "voltage_pp", "voltage_rms", "voltage_p", "current", "resistance", "conductance",
    "sample_rate", "capacitance", "power", "transconductance", "ratio",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value", "dimension"),
    [
        ("10 kHz", 10e3, "frequency"),
        ("10kHz", 10e3, "frequency"),
        ("1 MS/s", 1e6, "sample_rate"),
        ("250 kSa/s", 250e3, "sample_rate"),
        ("10 µS", 10e-6, "conductance"),
        ("10 \u03bcS", 10e-6, "conductance"),
        ("10 uS", 10e-6, "conductance"),
        ("10 µs", 10e-6, "time"),
        ("4.7 kΩ", 4700.0, "resistance"),
        ("4.7 k\u2126", 4700.0, "resistance"),
        ("1 kohm", 1e3, "resistance"),
        ("5 MOhm", 5e6, "resistance"),
        ("500 mVpp", 0.5, "voltage_pp"),
        ("1 Vrms", 1.0, "voltage_rms"),
        ("2 Vp", 2.0, "voltage_p"),
        ("5 mW", 5e-3, "power"),
        ("10 µA/V", 10e-6, "transconductance"),
        ("3 pF", 3e-12, "capacitance"),
        ("1 %", 0.01, "ratio"),
        ("50 ppm", 50e-6, "ratio"),
        ("1e-3 V", 1e-3, "voltage"),
        ("-2.5 V", -2.5, "voltage"),
        ("+1 V", 1.0, "voltage"),
        (".5 V", 0.5, "voltage"),
        ("1. V", 1.0, "voltage"),
        ("1E3\u00a0V", 1e3, "voltage"),
        (" 0 V ", 0.0, "voltage"),
    ],
)
def test_quantities_are_read_exactly(text: str, value: float, dimension: str) -> None:
    assert parse_quantity(text) == Quantity(value, dimension)


@pytest.mark.parametrize("text", ["1", "-2.5", "+.5", "1.", "1e-3", "1E+3", "007"])
def test_a_number_alone(text: str) -> None:
    assert parse_number(text) == float(text)


@pytest.mark.parametrize(
    "text", ["1_5", "\u0663", "inf", "nan", "1e999", "0x10", "", " 1", "1 ", "1,5", "1e", "e3", "--1", "1 V", "²"]
)
def test_what_python_would_take_and_what_it_would_not(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        parse_number(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("1,5 V", "; decimals are written with a point: '1.5 V'"),
        ("0,125", "; decimals are written with a point: '0.125'"),
        ("1000,125", "; decimals are written with a point: '1000.125'"),
        ("1,000 Ω", "; is the comma a decimal point? Write '1.000 Ω'. Does it group thousands? Write '1000 Ω'"),
        ("-10,250", "; is the comma a decimal point? Write '-10.250'. Does it group thousands? Write '-10250'"),
        ("1,000,000", "; digits are not grouped: '1000000'"),
        ("1,000.5", "; digits are not grouped, and decimals are written with a point: '1000.5'"),
        ("1.000,5 V", "; digits are not grouped, and decimals are written with a point: '1000.5 V'"),
        ("1_000 Hz", "; digits are not grouped: write '1000 Hz'"),
        ("1'000.5", "; digits are not grouped: write '1000.5'"),
        ("1\u202f000", "; digits are not grouped: write '1000'"),
        ("1.2.3", "; a number has one decimal point"),
        ("\u22122.5 V", "; the minus sign is '-', not U+2212 (minus sign)"),
        ("\u0663 V", "; digits are 0 to 9, not U+0663 (arabic-indic digit three)"),
        ("1,2,3", ""),
        ("high", ""),
        ("10 k Hz", ""),
    ],
)
def test_the_hint_does_not_guess(text: str, hint: str) -> None:
    assert number_hint(text) == hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10", "'10' has no unit"),
        ("1_000 Hz", "not a number with a unit"),
        ("1,5 V", "not a number with a unit"),
        ("10 k Hz", "not a number with a unit"),
        ("", "not a number with a unit"),
        ("inf V", "not a number with a unit"),
        ("nan V", "not a number with a unit"),
        ("٣ V", "not a number with a unit"),
        ("1e999 V", "too large"),
        ("1 khz", "unknown unit 'khz' in '1 khz'; did you mean 'kHz'?"),
        ("1 mhz", "did you mean 'mHz' or 'MHz'?"),
        ("1 kOhms", "did you mean 'kOhm'"),
        ("1 furlong", "unknown unit 'furlong' in '1 furlong'; known units: "),
        ("1 k%", "unknown unit 'k%'"),
    ],
)
def test_what_is_no_quantity_is_refused_with_a_reason(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_quantity(text)


@given(st.text(alphabet="0123456789.,eE+-_ µμΩkMGmunpVASs/%°·³٣²½∞naif\t\n", max_size=20))
def test_any_text_is_a_finite_quantity_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert math.isfinite(parse_quantity(text).value)


@pytest.mark.parametrize(
    ("value", "dimension", "text"),
    [
        (10e-6, "conductance", "10 µS"),
        (1250.0, "frequency", "1.25 kHz"),
        (999.96, "frequency", "1 kHz"),
        (123456.0, "frequency", "123.5 kHz"),
        (-2.5, "voltage", "-2.5 V"),
        (-0.0, "voltage", "0 V"),
        (3600.0, "time", "3600 s"),
        (50e3, "sample_rate", "50 kS/s"),
        (4700.0, "resistance", "4.7 kΩ"),
        (0.01, "ratio", "1 %"),
        (50e-6, "ratio", "50 ppm"),
        (0.0, "ratio", "0 %"),
        (math.nan, "voltage", "nan V"),
        (-math.inf, "current", "-inf A"),
    ],
)
def test_quantities_are_written_with_engineering_prefixes(value: float, dimension: str, text: str) -> None:
    assert format_quantity(value, dimension) == text


def test_an_unknown_dimension_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="unknown dimension 'luck'"):
        format_quantity(1.0, "luck")


@given(st.floats(-1e12, 1e12).filter(lambda value: value == 0 or abs(value) > 1e-18), st.sampled_from(DIMENSIONS))
def test_what_is_written_is_read_back_to_four_digits(value: float, dimension: str) -> None:
    text = format_quantity(value, dimension)
    quantity = parse_quantity(text)
    assert quantity.dimension == dimension
    assert quantity.value == pytest.approx(value, rel=5.01e-4)
    assert format_quantity(quantity.value, dimension) == text


def complaint(annotation: Any, value: object) -> str:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(annotation).validate_python(value, strict=True)
    return caught.value.errors()[0]["msg"].removeprefix("Value error, ")


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (quantities.Frequency, 10, "write the unit, e.g. '10 kHz' (bare number 10 is ambiguous)"),
        (quantities.Frequency, 0, "write the unit, e.g. '10 kHz' (bare number 0 is ambiguous)"),
        (quantities.Frequency, "10", "write the unit, e.g. '10 kHz' (bare number 10 is ambiguous)"),
        (quantities.VoltagePP, "500 mV", "'500 mV' is a voltage, expected a peak-to-peak voltage such as '500 mVpp'"),
        (quantities.Conductance, "10 µs", "'10 µs' is a time, expected a conductance such as '10 µS'"),
        (quantities.Time, "1 sec", "unknown unit 'sec' in '1 sec'; a time is written in s"),
        (quantities.Time, "soon", "expected a time such as '20 ms', got 'soon'"),
        (quantities.Time, True, "expected a time such as '20 ms', got true"),
        (quantities.Time, None, "expected a time such as '20 ms', got nothing"),
        (quantities.PositiveTime, "0 s", "must be positive, got '0 s'"),
        (quantities.NonNegativeTime, "-1 s", "must not be negative, got '-1 s'"),
        (Count, True, "expected a whole number, got true"),
        (Count, 1.5, "expected a whole number, got 1.5"),
        (Count, math.inf, "expected a whole number, got inf"),
        (Count, "3", "expected a whole number, got '3'"),
        (Count, 0, "must be at least 1, got 0"),
        (Index, -1, "must be at least 0, got -1"),
    ],
)
def test_fields_refuse_in_plain_words(annotation: Any, value: object, message: str) -> None:
    assert complaint(annotation, value).startswith(message)


def test_fields_hold_si_values_and_whole_floats_count() -> None:
    assert TypeAdapter(quantities.Resistance).validate_python("4.7 kΩ", strict=True) == 4700.0
    assert TypeAdapter(quantities.NonNegativeTime).validate_python("0 s", strict=True) == 0.0
    count = TypeAdapter(Count).validate_python(1e3, strict=True)
    assert count == 1000
    assert isinstance(count, int)
    assert TypeAdapter(Index).validate_python(0, strict=True) == 0


def test_every_field_type_reads_its_own_example_and_shows_it_in_the_schema() -> None:
    names = [
        name for name in vars(quantities) if name[0].isupper() and hasattr(getattr(quantities, name), "__metadata__")
    ]
    fields = [name for name in names if isinstance(getattr(quantities, name).__metadata__[0], quantities.QuantityField)]
    assert len(fields) > 20
    for name in fields:
        adapter = TypeAdapter(getattr(quantities, name))
        (example,) = adapter.json_schema()["examples"]
        assert isinstance(adapter.validate_python(example, strict=True), float)


def test_long_text_is_shortened_in_messages() -> None:
    assert quantities.as_written("a" * 100) == repr("a" * 57 + "...")
    assert len(quantities.as_written(10**200)) == 60
    assert [quantities.as_written(value) for value in ({}, [], 1.5)] == ["a map", "a list", "1.5"]


@pytest.mark.parametrize(
    ("value", "standard"), [(99.95e3, 100e3), (4.7e3, 4.75e3), (50.05, 49.9), (1.0, 1.0), (976.0, 976.0), (1e6, 1e6)]
)
def test_the_nearest_value_of_e96(value: float, standard: float) -> None:
    assert math.isclose(nearest_e96(value), standard, rel_tol=1e-9)


@pytest.mark.parametrize("unit", ["pL/(s·Pa)", "pL/(Pa·s)", "pL/s/Pa", "pL/Pa/s", "fm³/(Pa·s)"])
def test_a_hydraulic_conductance_is_written_in_any_order(unit):
    found = parse_quantity(f"50 {unit}")
    assert found.dimension == "hydraulic_conductance"
    assert found.value == 50e-15 if unit.startswith("pL") else 50e-45


@pytest.mark.parametrize(("key", "unit"), [("v", "V"), ("pa", "Pa"), ("m", "m"), ("rad", "rad"), ("nothing", "")])
def test_the_unit_of_a_figure_by_its_name(key, unit):
    assert unit_of_key(key) == unit
