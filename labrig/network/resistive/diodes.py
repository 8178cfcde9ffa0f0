"""The diode model, and the parameters of the parts that labrig knows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from labrig.errors import ConfigError

BOLTZMANN_J_PER_K = 1.380649e-23
ELEMENTARY_CHARGE_C = 1.602176634e-19
TEMPERATURE_K = 300.15
"""27 °C, the temperature at which SPICE quotes model parameters."""

THERMAL_VOLTAGE_V = BOLTZMANN_J_PER_K * TEMPERATURE_K / ELEMENTARY_CHARGE_C
"""kT/q. ngspice-39 uses the CODATA constants of 2014, so its value is lower by 3.4e-7 (relative)."""


SILICON, SCHOTTKY, GERMANIUM = (1.11, 3.0), (0.69, 2.0), (0.67, 3.0)
"""EG (eV) and XTI of junctions, as in SPICE."""


@dataclass(frozen=True, slots=True)
class DiodeModel:
    """A junction with a resistance in series: the level-1 model of SPICE at DC, as in ngspice.

    Let u_j = u − Rs·i be the drop at the junction, from anode to cathode (V), and Vn = n·kT/q. Then

    - for u_j ≥ −3·Vn, i = Is·(exp(u_j/Vn) − 1);
    - for smaller u_j, i = −Is·(1 + (3·Vn/(e·u_j))³), which joins the first law smoothly;
    - in breakdown, u_j < −V_b, i = −Is·exp(−(V_b + u_j)/Vn), where V_b is such that i is about −IBV at u_j = −BV.

    Parameters
    ----------
    saturation_current_a, emission_coefficient, series_resistance_ohm : float
        SPICE's IS, N and RS.
    breakdown_voltage_v, breakdown_current_a : float
        SPICE's BV and IBV, both positive; an infinite BV means a diode without breakdown.
    energy_gap_ev, saturation_exponent : float
        SPICE's EG and XTI, which determine how the saturation current depends on temperature.
    temperature_k : float
        Temperature of the junction, for which the saturation current is given (K).
    """

    saturation_current_a: float
    emission_coefficient: float
    series_resistance_ohm: float
    breakdown_voltage_v: float = math.inf
    breakdown_current_a: float = 1e-3
    energy_gap_ev: float = SILICON[0]
    saturation_exponent: float = SILICON[1]
    temperature_k: float = TEMPERATURE_K

    def __post_init__(self) -> None:
        for name, value, least_allowed in (
            ("saturation_current_a", self.saturation_current_a, "> 0"),
            ("emission_coefficient", self.emission_coefficient, "> 0"),
            ("series_resistance_ohm", self.series_resistance_ohm, ">= 0"),
            ("breakdown_current_a", self.breakdown_current_a, "> 0"),
        ):
            allowed = value > 0 or (value == 0 and least_allowed == ">= 0")
            if not (allowed and math.isfinite(value)):
                raise ConfigError(f"diode model: {name} is {value!r}", limit=f"finite and {least_allowed}")
        if not self.breakdown_voltage_v > 6 * self.slope_voltage_v:
            raise ConfigError(
                f"diode model: breakdown_voltage_v is {self.breakdown_voltage_v!r}",
                limit=f"> {6 * self.slope_voltage_v:.3g} V, where the reverse current has settled",
            )

    @property
    def slope_voltage_v(self) -> float:
        """n·kT/q (V)."""
        return self.emission_coefficient * self.thermal_voltage_v

    @property
    def thermal_voltage_v(self) -> float:
        """kT/q (V)."""
        return THERMAL_VOLTAGE_V * (self.temperature_k / TEMPERATURE_K)

    def at(self, temperature_k: float) -> DiodeModel:
        """The same diode with its junction at another temperature (K), by SPICE's law for the saturation current.

        Series resistance and breakdown do not change.
        """
        warmer = temperature_k / self.temperature_k
        exponent = (warmer - 1) * self.energy_gap_ev / (self.slope_voltage_v * warmer)
        exponent += self.saturation_exponent / self.emission_coefficient * math.log(warmer)
        saturation = self.saturation_current_a * math.exp(exponent)
        return replace(self, saturation_current_a=saturation, temperature_k=temperature_k)

    @property
    def breakdown_knee_v(self) -> float:
        """V_b, the reverse voltage at which the exponential of the breakdown begins (V); inf without breakdown.

        As in SPICE, an IBV that is too small for the saturation current is raised to Is·BV·q/kT.
        """
        if math.isinf(self.breakdown_voltage_v):
            return math.inf
        saturation, slope_voltage = self.saturation_current_a, self.slope_voltage_v
        least = saturation * self.breakdown_voltage_v / self.thermal_voltage_v
        if self.breakdown_current_a < least:
            return self.breakdown_voltage_v
        ratio = self.breakdown_current_a / saturation
        knee = self.breakdown_voltage_v - slope_voltage * math.log1p(ratio)
        for _ in range(25):
            knee = self.breakdown_voltage_v - slope_voltage * math.log(ratio + 1 - knee / self.thermal_voltage_v)
            reached = math.exp((self.breakdown_voltage_v - knee) / slope_voltage) - 1 + knee / self.thermal_voltage_v
            if abs(saturation * reached - self.breakdown_current_a) <= 1e-9 * self.breakdown_current_a:
                break
        return knee


DIODES: dict[str, DiodeModel] = {
    # NXP's model of the BAT54, without its 36 MΩ across the junction.
    "BAT54": DiodeModel(2.117e-7, 1.016, 2.637, 36.0, 1.196e-6, *SCHOTTKY),
    # The model in SPICE libraries since the 1990s.
    "1N4148": DiodeModel(2.52e-9, 1.752, 0.568, 100.0, 100e-6),
    # Fitted to the data sheet of Diodes Inc. (DS11015 Rev. 15-2): at most 0.41 V at 1 mA and 1.00 V at 15 mA; 186 mV at
    # 1 µA. The model in many libraries (315 nA, 2.03, 2.8 Ω) gives 75 mV at 1 µA; (19.7 nA, 1.51, 6.27 Ω) gives 155 mV.
    "1N5711": DiodeModel(1.07e-9, 1.05, 36.9, 70.0, 10e-6, *SCHOTTKY),
    # The commonly used fit for the point-contact diode 1N34A; individual diodes differ by a factor of 10.
    "1N34A": DiodeModel(2e-7, 1.3, 7.0, 75.0, 18e-3, *GERMANIUM),
    # From the tables of SPICE parameters in Agilent's data sheets.
    "HSMS-285x": DiodeModel(3e-6, 1.06, 25.0, 3.8, 300e-6, *SCHOTTKY),
    "HSMS-282x": DiodeModel(2.2e-8, 1.08, 6.0, 15.0, 100e-6, *SCHOTTKY),
}
"""SPICE parameters at 27 °C, by part number."""
