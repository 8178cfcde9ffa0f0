from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator, model_validator

from labrig.config.document import Document
from labrig.config.extending import load_document
from labrig.config.resolved import flatten_resolved
from labrig.config.validation import validate
from labrig.quantities import (
    Conductance,
    Count,
    Frequency,
    NonNegativeTime,
    PositiveTime,
    PositiveVoltage,
    Resistance,
    Transconductance,
    Voltage,
    VoltagePP,
)


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Learning(Section):
    rate: float = Field(gt=0)
    epochs: Count = 10
    rule: Literal["contrastive", "coupled", "adjoint"] = "coupled"
    safe: bool = True


class Tone(Section):
    frequency: Frequency
    amplitude: VoltagePP = 0.5
    label: str = "tone"


class Howland(Section):
    howland: Transconductance
    compliance: PositiveVoltage

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.compliance > 10:
            raise ValueError("a compliance above 10 V does not exist")
        return self


class Resistor(Section):
    resistor: Resistance


class Sine(Section):
    kind: Literal["sine"]
    period: PositiveTime


class Ramp(Section):
    kind: Literal["ramp"]
    slope: Count


class Names(RootModel[dict[str, Count]]):
    pass


class Rig(Section):
    learning: Learning | None = None
    tones: list[Tone] = []
    span: tuple[Conductance, Conductance] = Field(default=(10e-6, 100e-6), alias="range")
    settle: NonNegativeTime | Literal["auto"] = "auto"
    through: Resistance | Howland | Resistor | None = None
    shape: Annotated[Sine | Ramp, Field(discriminator="kind")] | None = None
    targets: list[Voltage] | Literal["random"] = "random"
    names: Names = Names({})
    pattern: Annotated[str, Field(pattern="^[a-z]+$", min_length=1)] = "a"
    pairs: Annotated[list[int], Field(min_length=2, max_length=3)] = [1, 2]
    noise: Annotated[Voltage, Field(ge=0, lt=1e-3)] = 0.0
    size: Annotated[Count, Field(ge=2, le=9)] = 2
    raw: Literal[False] = False
    modes: dict[Literal["dc", "ac"], float] = {}
    custom: int = 0

    @field_validator("custom")
    @classmethod
    def _custom(cls, value: int) -> int:
        assert value != 13, "thirteen is out of luck"
        return value


class Open(BaseModel):
    a: int


@pytest.fixture
def document(tmp_path: Path) -> Any:
    def document(text: str, *overrides: str) -> Document:
        path = tmp_path / "run.yaml"
        path.write_text(text, encoding="utf-8")
        return load_document(path, packaged=None, overrides=overrides)

    return document


def problems(document: Document) -> list[str]:
    return [str(problem).replace(f"{document.directory}/", "") for problem in document.problems]


def test_eight_faults_of_one_file_at_their_places(document: Any) -> None:
    read = document(
        "learning:\n"
        "  rte: 0.1\n"
        "  epochs: abc\n"
        "  rule: couple\n"
        "  safe: on\n"
        "tones:\n"
        "  - {frequency: 10 kHz, amplitude: 500 mV}\n"
        "  - {frequency: 10, label: 3}\n"
        "range: [1 µS]\n"
    )
    assert validate(read, (), Rig) is None
    assert problems(read) == [
        "run.yaml:2:3: learning.rte: unknown key 'rte'; did you mean 'rate'?",
        "run.yaml:3:11: learning.epochs: expected a whole number, got 'abc'",
        "run.yaml:4:9: learning.rule: 'couple' is not one of 'contrastive', 'coupled', 'adjoint'; "
        "did you mean 'coupled'?",
        "run.yaml:5:9: learning.safe: expected true or false, got 'on'",
        "run.yaml:7:36: tones[0].amplitude: '500 mV' is a voltage, expected a peak-to-peak voltage such as '500 mVpp'",
        "run.yaml:8:17: tones[1].frequency: write the unit, e.g. '10 kHz' (bare number 10 is ambiguous)",
        "run.yaml:8:28: tones[1].label: expected text, got 3; write it in quotes: '3'",
        "run.yaml:9:8: range: expected 2 items, got 1",
    ]
    assert read.problems.render().endswith("    range: [1 µS]\n           ^\n8 problems")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("learning: {epochs: 3}", "1:1: learning.rate: missing required key 'rate'"),
        ("zzz: 1", "1:1: zzz: unknown key 'zzz'; allowed: learning, tones, range, settle"),
        ("span: [1 S, 2 S]", "1:1: span: unknown key 'span'; allowed: learning, tones, range"),
        ("range: [1 S, 2 S, 3 S]", "1:8: range: expected at most 2 items, got 3"),
        ("range: [1 S, 2 V]", "1:14: range[1]: '2 V' is a voltage, expected a conductance such as '10 µS'"),
        ("range: 1 S", "1:8: range: expected a list, got '1 S'"),
        ("learning: 3", "1:11: learning: expected a map of rate, epochs, rule, safe, got 3"),
        ("learning: {rate: 0}", "1:18: learning.rate: must be positive, got 0"),
        ("learning: {rate: fast}", "1:18: learning.rate: expected a number, got 'fast'"),
        ("tones: {a: 1}", "1:1: tones: expected a list, got a map"),
        ("tones: [1]", "1:9: tones[0]: expected a map of frequency, amplitude, label, got 1"),
        ("settle: atuo", "1:9: settle: expected a time such as '20 ms' or 'auto', got 'atuo'; did you mean 'auto'?"),
        ("settle: 5 mV", "1:9: settle: '5 mV' is a voltage, expected a time such as '20 ms'"),
        ("settle: 5", "1:9: settle: write the unit, e.g. '20 ms' (bare number 5 is ambiguous)"),
        ("settle: [5]", "1:9: settle: expected a time such as '20 ms' or 'auto', got a list"),
        ("settle: -1 s", "1:9: settle: must not be negative, got '-1 s'"),
        ("through: 5 kHz", "1:10: through: '5 kHz' is a frequency, expected a resistance such as '4.7 kΩ'"),
        ("through: {howland: 10 µA/V}", "1:1: through.compliance: missing required key 'compliance'"),
        ("through: {howland: 1 V, compliance: 3 V}", "1:20: through.howland: '1 V' is a voltage, expected a transc"),
        ("through: {howland: 1 A/V, complience: 3 V}", "1:27: through.complience: unknown key 'complience'; did you"),
        ("through: {howland: 1 A/V, compliance: 11 V}", "1:1: through: a compliance above 10 V does not exist"),
        ("through: {resistr: 1 Ω}", "1:11: through.resistr: unknown key 'resistr'; did you mean 'resistor'?"),
        ("through: [1]", "1:10: through: expected a resistance such as '4.7 kΩ' or a map of howland, compliance or a"),
        ("shape: {kind: sinus}", "1:1: shape: 'sinus' is not one of 'sine', 'ramp'; did you mean 'sine'?"),
        ("shape: {period: 1 s}", "1:1: shape: missing required key 'kind'"),
        ("shape: {kind: sine, period: 0 s}", "1:29: shape.period: must be positive, got '0 s'"),
        ("shape: {kind: ramp, slop: 1}", "1:21: shape.slop: unknown key 'slop'; did you mean 'slope'?"),
        ("targets: [1 V, 2 Hz]", "1:16: targets[1]: '2 Hz' is a frequency, expected a voltage such as '500 mV'"),
        ("targets: randm", "1:10: targets: expected a list or 'random', got 'randm'; did you mean 'random'?"),
        ("names: {a: 0}", "1:12: names.a: must be at least 1, got 0"),
        ("pattern: ABC", "1:10: pattern: 'ABC' is not allowed here: it contains 'A', 'B', 'C'"),
        ("pattern: ''", "1:10: pattern: must not be empty"),
        ("pairs: [1]", "1:8: pairs: expected at least 2 items, got 1"),
        ("pairs: [1, 2, 3, 4]", "1:8: pairs: expected at most 3 items, got 4"),
        ("pairs: [1, 2.5]", "1:12: pairs[1]: expected a whole number, got 2.5"),
        ("noise: -1 V", "1:8: noise: must not be negative, got "),
        ("noise: 5 mV", "1:8: noise: must be less than 1 mV, got "),
        ("size: 1", "1:7: size: must be at least 2, got 1"),
        ("size: 10", "1:7: size: must be at most 9, got 10"),
        ("raw: true", "1:6: raw: expected false, got true"),
        ("modes: {xx: 1.0}", "1:9: modes.xx: 'xx' is not one of 'dc', 'ac'"),
        ("custom: 13", "1:9: custom: thirteen is out of luck"),
    ],
)
def test_each_error_is_one_fault_in_plain_words(document: Any, text: str, message: str) -> None:
    read = document(text + "\n")
    result = validate(read, (), Rig)
    assert result is None
    (problem,) = problems(read)
    assert problem.startswith(f"run.yaml:{message}")
    assert "Input should" not in problem
    assert "Value error" not in problem


def test_two_faults_in_the_member_of_a_union_it_was_meant_for(document: Any) -> None:
    read = document("through: {howland: 1 V, complience: 3 V}\n")
    validate(read, (), Rig)
    assert problems(read) == [
        "run.yaml:1:20: through.howland: '1 V' is a voltage, expected a transconductance such as '10 µA/V'",
        "run.yaml:1:25: through.complience: unknown key 'complience'; did you mean 'compliance'?",
    ]


def test_a_part_of_the_tree_is_validated_alone(document: Any) -> None:
    read = document("a: {b: {rate: 1, epochs: 1e3}}\n", "a.b.rule=adjoint")
    learning = validate(read, ("a", "b"), Learning)
    assert learning == Learning(rate=1.0, epochs=1000, rule="adjoint")
    assert validate(read, ("rig",), Rig) == Rig()
    assert validate(read, ("a", "learning"), Learning) is None
    assert problems(read) == ["run.yaml:1:1: a.learning: missing required key 'learning'"]


def test_faults_in_an_override_point_into_it(document: Any) -> None:
    read = document("learning: {rate: 1}\n", "learning.rate=x", "learning.rte=2")
    assert validate(read, (), Rig) is None
    assert problems(read) == [
        "--set:1:15: learning.rate: expected a number, got 'x'",
        "--set:2:10: learning.rte: unknown key 'rte'; did you mean 'rate'?",
    ]


def test_a_part_that_was_at_fault_before_is_not_passed_on_and_not_reported_twice(document: Any) -> None:
    read = document("learning: {rate: 1, rate: 2, epochs: !!int x}\ntones: []\n")
    before = problems(read)
    assert validate(read, ("learning",), Learning) is None
    assert problems(read) == before
    assert len(before) == 2
    assert validate(document("a: 1\na: 2\n"), (), Open) is not None


def test_a_broken_document_is_not_judged(document: Any) -> None:
    read = document("learning: [\n")
    assert validate(read, ("learning",), Learning) is None
    assert len(read.problems) == 1


def test_every_setting_is_listed_with_its_origin(document: Any) -> None:
    read = document(
        "learning: {rate: 1e-1}\n"
        "tones:\n"
        "  - {frequency: 10 kHz}\n"
        "through: {howland: 10 µA/V, compliance: 3 V}\n"
        "names: {a: 1}\n"
        "settle: 5 ms\n"
        "targets: [1 V, 2 V]\n",
        "learning.rule=adjoint",
    )
    rig = validate(read, (), Rig)
    assert rig is not None
    rows = [
        (path, value, origin.replace(f"{read.directory}/", ""))
        for path, value, origin in flatten_resolved(read, (), rig)
    ]
    assert rows == [
        ("learning.rate", "0.1", "run.yaml:1"),
        ("learning.epochs", "10", "default"),
        ("learning.rule", "adjoint", "--set"),
        ("learning.safe", "true", "default"),
        ("tones[0].frequency", "10 kHz", "run.yaml:3"),
        ("tones[0].amplitude", "500 mVpp", "default"),
        ("tones[0].label", "tone", "default"),
        ("range[0]", "10 µS", "default"),
        ("range[1]", "100 µS", "default"),
        ("settle", "5 ms", "run.yaml:6"),
        ("through.howland", "10 µA/V", "run.yaml:4"),
        ("through.compliance", "3 V", "run.yaml:4"),
        ("shape", "null", "default"),
        ("targets[0]", "1 V", "run.yaml:7"),
        ("targets[1]", "2 V", "run.yaml:7"),
        ("names.a", "1", "run.yaml:5"),
        ("pattern", "a", "default"),
        ("pairs[0]", "1", "default"),
        ("pairs[1]", "2", "default"),
        ("noise", "0 V", "default"),
        ("size", "2", "default"),
        ("raw", "false", "default"),
        ("modes", "{}", "default"),
        ("custom", "0", "default"),
    ]


def test_a_part_of_the_tree_is_listed_under_its_path(document: Any) -> None:
    read = document("a: {rate: 1}\n")
    learning = validate(read, ("a",), Learning)
    assert learning is not None
    assert flatten_resolved(read, ("a",), learning)[0][:2] == ("a.rate", "1")
