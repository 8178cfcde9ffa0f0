"""Diode models of netlists: `.model NAME D(…)` as in SPICE."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from labrig.errors import ConfigError
from labrig.network.resistive.diodes import THERMAL_VOLTAGE_V, DiodeModel
from labrig.network.resistive.netlist.circuit import Place
from labrig.network.resistive.netlist.values import ValueProblem, value

ZERO_CELSIUS_K = 273.15

SPICE_THERMAL_VOLTAGE_V = 1.38064852e-23 * 300.15 / 1.6021766208e-19
"""kT/q at 27 °C in ngspice (`const.h`, CODATA 2014); N in a netlist refers to this value."""

SPICE_SLOPE = SPICE_THERMAL_VOLTAGE_V / THERMAL_VOLTAGE_V
"""Ratio of the emission coefficient of `DiodeModel` to N in a netlist."""

_DEFAULTS = {"is": 1e-14, "n": 1.0, "rs": 0.0, "bv": math.inf, "ibv": 1e-3, "eg": 1.11, "xti": 3.0}
_CHARGE = ("cjo", "cj0", "cj", "cjp", "tt", "m", "mj", "vj", "pb", "fc", "mjsw", "php", "fcs")
"""Parameters of stored charge, which does not affect an operating point."""
_WITHOUT_EFFECT = ("level", "kf", "af", "fc", "vpk", "mfg", "type", "iave", "vrrm", "bv_max", "id_max")
"""Parameters of noise, ratings and names, which have no effect."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A .model statement as written, with the parameters that are valid there; they may be defined after it."""

    name: str
    kind: str
    words: tuple[str, ...]
    place: Place
    parameters: Mapping[str, float]


def diode_model(
    card: ModelCard, area: float, multiple: float, temperature_c: float, nominal_c: float
) -> tuple[DiodeModel, list[str]]:
    """Return the diode of a .model statement, and the names of its stored-charge parameters, which are ignored.

    `multiple` (m=) identical diodes are in parallel. As in ngspice, `area` scales IS and RS but not IBV.
    """
    if card.kind != "d":
        raise ValueProblem(f"the model {card.name} is of type {card.kind}; a diode needs type D ({card.place})")
    words = [word for word in card.words if word not in "()"]
    given: dict[str, float] = {}
    charge: list[str] = []
    for place in range(0, len(words), 3):
        key = words[place].lower()
        if words[place + 1 : place + 2] != ["="] or place + 2 >= len(words):
            raise ValueProblem(f"the model {card.name} has {words[place]!r} without a value ({card.place})")
        if key in _WITHOUT_EFFECT:
            if key == "level" and value(words[place + 2], card.parameters) != 1:
                raise ValueProblem(f"the model {card.name} has LEVEL {words[place + 2]}; only 1 is supported")
            continue
        amount = value(words[place + 2], card.parameters)
        key = {"js": "is", "ik": "ikf", "vb": "bv", "tref": "tnom"}.get(key, key)
        if key in _CHARGE:
            if amount and key in ("cjo", "cj0", "cj", "cjp", "tt"):
                charge.append(key.upper())
        elif key in _DEFAULTS or key == "tnom":
            given[key] = amount
        elif amount:
            raise ValueProblem(
                f"the model {card.name} has {key.upper()}, which is not supported ({card.place}); leave it out"
            )
    nominal_c = given.pop("tnom", nominal_c)
    return _built(card, {**_DEFAULTS, **given}, area, multiple, temperature_c, nominal_c), charge


def _built(
    card: ModelCard,
    given: Mapping[str, float],
    area: float,
    multiple: float,
    temperature_c: float,
    nominal_c: float,
) -> DiodeModel:
    if not area > 0:
        raise ValueProblem(f"the area must be > 0, not {area:g}")
    if not multiple > 0:
        raise ValueProblem(f"m must be > 0, not {multiple:g}")
    breakdown = abs(given["bv"]) or math.inf
    try:
        model = DiodeModel(
            saturation_current_a=given["is"] * area * multiple,
            emission_coefficient=given["n"] * SPICE_SLOPE,
            series_resistance_ohm=given["rs"] / (area * multiple),
            breakdown_voltage_v=breakdown,
            breakdown_current_a=given["ibv"] * multiple,
            energy_gap_ev=given["eg"],
            saturation_exponent=given["xti"] * SPICE_SLOPE,  # SPICE divides XTI by N
        )
        model = replace(model, temperature_k=nominal_c + ZERO_CELSIUS_K)
        return model.at(temperature_c + ZERO_CELSIUS_K) if temperature_c != nominal_c else model
    except ConfigError as error:
        raise ValueProblem(f"the model {card.name} ({card.place}): {error}") from error
