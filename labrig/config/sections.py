"""The sections of a configuration as pydantic models: names, types, units, defaults.

Only what one section can judge alone is checked here. Whatever needs two sections, a driver or a file of data is
checked in `labrig.assembly`. Every key is explained in configs/README.md.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from labrig.quantities import (
    Count,
    Frequency,
    NonNegativeCount,
    NonNegativeTime,
    PositiveConductance,
    PositiveCurrent,
    PositivePower,
    PositiveResistance,
    PositiveSampleRate,
    PositiveTime,
    PositiveTransconductance,
    PositiveVoltage,
    Voltage,
    as_written,
    format_quantity,
)

MOST = 100_000
"""Nodes of a layer, examples of a drawn task: beyond every board, and below what fills a memory."""


class Section(BaseModel):
    """A validator of a whole section begins its message with 'KEY: ' where one key is to blame."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True, allow_inf_nan=False)


def _exactly_one(section: Section, names: tuple[str, ...]) -> None:
    given = [name for name in names if getattr(section, name) is not None]
    wanted = f"name exactly one of {', '.join(names)}"
    if not given:
        raise ValueError(wanted)
    if len(given) > 1:
        raise ValueError(f"{given[-1]}: {wanted}, not {' and '.join(given)}")


# --- network ---------------------------------------------------------------------------------------------------------


class Shunt(Section):
    """Antiparallel pairs of a diode from each node to ground."""

    diodes: str
    pairs: Count = 1


class HiddenLayer(Section):
    nodes: Annotated[Count, Field(le=MOST)]
    shunt: Shunt | None = None


class Layered(Section):
    inputs: Annotated[Count, Field(le=MOST)]
    outputs: Annotated[Count, Field(le=MOST)]
    hidden: list[HiddenLayer] = []


class Grid(Section):
    rows: Annotated[Count, Field(ge=2, le=MOST)]
    columns: Annotated[Count, Field(ge=2, le=MOST)]


class FixedResistor(Section):
    from_: str = Field(alias="from")
    to: str
    value: PositiveResistance


class FixedDiode(Section):
    """Anode `from`, cathode `to`."""

    from_: str = Field(alias="from")
    to: str
    part: str
    count: Count = 1


class Programmable(Section):
    edges: Literal["all"] = "all"
    range: tuple[PositiveConductance, PositiveConductance]
    initial: tuple[PositiveConductance, PositiveConductance] | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        low, high = self.range
        if low >= high:
            raise ValueError("range: the first conductance must be the smaller one")
        if self.initial is not None:
            first, last = self.initial
            if first > last:
                raise ValueError("initial: the first conductance must not be the larger one")
            if first < low or last > high:
                limits = " to ".join(format_quantity(value, "conductance") for value in self.range)
                raise ValueError(f"initial: it reaches outside range, {limits}")
        return self


class Network(Section):
    layered: Layered | None = None
    grid: Grid | None = None
    edges: Annotated[list[str], Field(min_length=1)] | None = None
    resistors: list[FixedResistor] = []
    diodes: list[FixedDiode] = []
    programmable: Programmable

    @model_validator(mode="after")
    def _one_builder(self) -> Self:
        _exactly_one(self, ("layered", "grid", "edges"))
        return self


# --- task ------------------------------------------------------------------------------------------------------------


class Classification(Section):
    data: str
    label: str
    features: Annotated[list[str], Field(min_length=1)] | None = None


class Allostery(Section):
    """Constant inputs; `targets` are the outputs wanted, or drawn uniformly between the inputs' extremes."""

    inputs: Annotated[list[Voltage], Field(min_length=1)]
    targets: Annotated[list[Voltage], Field(min_length=1)] | Literal["random"] = "random"


class Regression(Section):
    """y = M x for x uniform in ± full_scale. `matrix: random` draws an achievable M from the seed."""

    matrix: list[list[float]] | Literal["random"] = "random"
    train: Annotated[Count, Field(le=MOST)] = 30
    test: Annotated[Count, Field(le=MOST)] = 20


class Xor(Section):
    """Four patterns of ± amplitude; the difference of two outputs shall be ± target."""

    amplitude: PositiveVoltage
    target: PositiveVoltage


class Divider(Section):
    input: Voltage
    target: Voltage


class Split(Section):
    train_per_class: Count
    test_per_class: Count


class Encode(Section):
    """How numbers become voltages. Complements are the same voltages with the opposite sign, bias constant ones."""

    full_scale: PositiveVoltage
    fit: Literal["train"] = "train"
    clip: Annotated[float, Field(ge=1.0)] = 1.2
    complements: bool = True
    bias: list[Voltage] = []


class Target(Section):
    """Goals of a run; one that is missed ends with exit code 7."""

    test_accuracy: Annotated[float, Field(gt=0, le=1)] | None = None
    train_accuracy: Annotated[float, Field(gt=0, le=1)] | None = None
    rms: PositiveVoltage | None = None
    patterns_right: Count | None = None


_EXAMPLES = {"split": "split: {train_per_class: 30, test_per_class: 20}", "encode": "encode: {full_scale: 1 V}"}


class Task(Section):
    classification: Classification | None = None
    allostery: Allostery | None = None
    regression: Regression | None = None
    xor: Xor | None = None
    divider: Divider | None = None
    split: Split | None = None
    encode: Encode | None = None
    target: Target | None = None

    @model_validator(mode="after")
    def _one_task(self) -> Self:
        _exactly_one(self, ("classification", "allostery", "regression", "xor", "divider"))
        for task, needed in (("classification", ("split", "encode")), ("regression", ("encode",))):
            missing = [key for key in needed if getattr(self, key) is None]
            if getattr(self, task) is not None and missing:
                examples = ", ".join(f"'{_EXAMPLES[key]}'" for key in missing)
                raise ValueError(f"{task}: needs {' and '.join(missing)} beside it, e.g. {examples}")
        return self


# --- learning --------------------------------------------------------------------------------------------------------


class Error(Section):
    """current: Norton current of the largest error. Errors below `floor` of the loss's own scale are injected at a
    proportionally smaller current, which caps γ."""

    current: PositiveCurrent
    tones: Literal["shared"] = "shared"
    floor: Annotated[float, Field(gt=0, lt=1)] = 1e-6


class Evaluate(Section):
    """every: epochs between evaluations; 0 evaluates only before and after training."""

    every: NonNegativeCount = 0


class Learning(Section):
    rule: Literal["frequency_propagation"] = "frequency_propagation"
    activation: Literal["dc", "sine"] = "dc"
    error: Error
    loss: Literal["squared_error", "softmax_cross_entropy"]
    temperature: PositiveVoltage | None = None
    rate: Annotated[float, Field(gt=0)]
    decay: Literal["linear", "none"] = "linear"
    rounding: Literal["nearest"] = "nearest"
    hysteresis: Annotated[float, Field(ge=0, lt=0.5)] = 0.05
    batch: Count = 1
    epochs: NonNegativeCount
    evaluate: Evaluate = Evaluate()

    @model_validator(mode="after")
    def _temperature(self) -> Self:
        if self.loss == "softmax_cross_entropy" and self.temperature is None:
            raise ValueError("loss: softmax_cross_entropy needs a temperature beside it, e.g. 'temperature: 50 mV'")
        if self.loss != "softmax_cross_entropy" and self.temperature is not None:
            raise ValueError(
                f"temperature: it belongs to softmax_cross_entropy, and the loss is {self.loss}; change one of them"
            )
        return self


# --- rig -------------------------------------------------------------------------------------------------------------


class Howland(Section):
    """A Howland current source between a channel and its node.

    howland: its current per volt of the channel. output_resistance: what loads the node beside that current.
    compliance: largest voltage of the node, of either sign, at which the current is still the one asked for.
    """

    howland: PositiveTransconductance
    output_resistance: PositiveResistance
    compliance: PositiveVoltage


class NodeWiring(Section):
    """One node: the channel that drives it, the one that injects its error, the one that senses it.

    through: all the resistance between the source's open-circuit voltage and the node, or the current source there.
    """

    drive: str | None = None
    error: str | None = None
    through: PositiveResistance | Howland | None = None
    sense: str | None = None


class Acquisition(Section):
    sample_rate: PositiveSampleRate
    window: PositiveTime
    settle: NonNegativeTime | Literal["auto"] = "auto"
    tones: list[Frequency] | Literal["auto"] = "auto"
    band: tuple[Frequency, Frequency]
    order: Annotated[Count, Field(ge=2, le=9)] = 5
    mains: list[Frequency] | Literal["none"] | None = None
    pilot: PositiveVoltage = 1.0


class ClockTiming(Section):
    """Who gives the 10 MHz, and who follows it; line: the terminal it leaves by."""

    master: str
    followers: list[str] = []
    line: str | None = None


class TriggerTiming(Section):
    """from: `daq/start`, the digitizer's own start; to: sources that begin with it; line: the terminal it leaves by."""

    from_: str = Field(alias="from")
    to: list[str] = []
    line: str | None = None


class Timing(Section):
    clock: ClockTiming | None = None
    trigger: TriggerTiming | None = None


class Limits(Section):
    node: PositiveVoltage = 5.0
    edge_power: PositivePower = 5e-3
    step: PositiveTime = 2.0


class Storage(Section):
    raw: Literal[False] = False
    durability: Literal["process", "power"] = "process"


def _time_or_count(value: object) -> object:
    """Refuse a bare number that is no count before the union takes it for a duration without its unit."""
    if isinstance(value, int | float) and not isinstance(value, bool) and (value < 1 or value != int(value)):
        raise ValueError(f"expected a count of at least 1, or a time such as '100 ms', got {value}")
    return value


class FaultEntry(Section):
    """Something that goes wrong on purpose: what, where, when and for how long.

    acquisition: of the bench, counted from 1; time: since the bench started. for: a duration, or a count of what the
    fault counts. by: how late.
    """

    what: str
    where: str
    acquisition: Count | None = None
    time: NonNegativeTime | None = None
    for_: Annotated[PositiveTime | Count | None, BeforeValidator(_time_or_count)] = Field(None, alias="for")
    by: PositiveTime | None = None

    @model_validator(mode="after")
    def _one_beginning(self) -> Self:
        _exactly_one(self, ("acquisition", "time"))
        return self


class Simulation(Section):
    """Preset of imperfections; a key beside it replaces that one imperfection."""

    preset: Literal["ideal", "typical"] = "typical"
    seed: NonNegativeCount | None = None
    noise: Annotated[Voltage, Field(ge=0)] | None = None
    source_amplitude: Annotated[float, Field(ge=0)] | None = None
    digitizer_gain: Annotated[float, Field(ge=0)] | None = None
    digitizer_offset: Annotated[Voltage, Field(ge=0)] | None = None
    part_tolerance: bool | None = None
    faults: list[FaultEntry] = []


def _fit_for_a_folder(name: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", name, re.ASCII) is None:
        allowed = "up to 100 letters, digits, '_', '-' and '.', the first a letter or a digit"
        raise ValueError(f"{as_written(name)} names the folder of a run; use {allowed}")
    return name


class Header(Section):
    """The top of a configuration: keys that stand alone, and which sections there are."""

    version: Literal[1]
    name: Annotated[str, AfterValidator(_fit_for_a_folder)]
    seed: NonNegativeCount = 0
    bench: Literal["simulated", "wire", "hardware"] = "simulated"
    network: dict[str, Any]
    task: dict[str, Any]
    learning: dict[str, Any]
    instruments: dict[str, dict[str, Any]]
    wiring: dict[str, Any]
    acquisition: dict[str, Any]
    timing: dict[str, Any] = {}
    limits: dict[str, Any] = {}
    storage: dict[str, Any] = {}
    simulation: dict[str, Any] = {}
