"""configs/README.md keeps up with the configuration."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from labrig_drivers.audio import AudioInputOptions, AudioOutputOptions
from labrig_drivers.digilent import DiscoveryDigitizerOptions, DiscoverySourceOptions
from labrig_drivers.digipot_bank.options import DigipotBankOptions
from labrig_drivers.generic import DigitizerOptions, ProgrammerOptions, SourceOptions
from labrig_drivers.keysight.multimeter_options import TruevoltOptions
from labrig_drivers.keysight.options import TrueformOptions
from labrig_drivers.ni.input_options import NiAnalogInputOptions
from labrig_drivers.ni.output_options import NiAnalogOutputOptions
from labrig_drivers.one_board import options as one_board
from labrig_drivers.rigol.options import Dg1000zOptions
from labrig_drivers.siglent.options import SdgOptions
from pydantic import BaseModel

from labrig.assembly import packaged_configs
from labrig.assembly.sections import (
    acquisition,
    calibration,
    header,
    judge,
    learning,
    limits,
    network,
    storage,
    timing,
    wiring,
)
from labrig.assembly.sections.task import SHARED
from labrig.config.annotations import keys_of
from labrig.config.section import Section
from labrig.instruments.drivers import InstrumentOptions
from labrig.instruments.parts import PARTS
from labrig.learning.carriers import CARRIERS
from labrig.learning.losses import LOSSES
from labrig.learning.rules import RULES
from labrig.learning.tasks import TASKS, goals_section
from labrig.learning.tasks.regression import RegressionData, RegressionSplit
from labrig.learning.updates import UPDATES
from labrig.network import PHYSICS
from labrig.network.resistive import options as resistive
from labrig.network.resistive.diodes import DIODES
from labrig.quantities import parse_quantity
from labrig.simulation.imperfections import IMPERFECTIONS
from labrig.simulation.presets import preset_names
from labrig.simulation.section import FaultEntry, preset_values, simulation_model

README = (packaged_configs() / "README.md").read_text(encoding="utf-8")


def models() -> Iterator[type[BaseModel]]:
    for module in (
        resistive,
        acquisition,
        calibration,
        header,
        judge,
        learning,
        limits,
        network,
        storage,
        timing,
        wiring,
    ):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Section) and value.__module__ == module.__name__:
                yield value
    yield from (simulation_model({})[0], FaultEntry)
    for known in (PHYSICS, RULES, CARRIERS, LOSSES, UPDATES, TASKS):
        yield from (known.find(name).Options for name in known.own)
    yield from SHARED.values()
    yield from (RegressionData, RegressionSplit)
    for task in TASKS.own:
        yield goals_section(TASKS.find(task).goals)
    yield from (SourceOptions, DigitizerOptions, ProgrammerOptions)


@pytest.mark.parametrize("model", list(models()), ids=lambda model: model.__qualname__)
def test_every_key_is_explained(model: type[BaseModel]) -> None:
    code = " ".join(re.findall(r"`([^`\n]+)`", README))
    words = set(re.findall(r"[A-Za-z_]+", code))
    assert set(keys_of(model)) <= words


REAL = {
    "ni.ai": NiAnalogInputOptions,
    "ni.ao": NiAnalogOutputOptions,
    "siglent.sdg": SdgOptions,
    "keysight.trueform": TrueformOptions,
    "keysight.truevolt": TruevoltOptions,
    "rigol.dg1000z": Dg1000zOptions,
    "labrig.digipot_bank": DigipotBankOptions,
    "labrig.board.source": one_board.SourceOptions,
    "labrig.board.digitizer": one_board.DigitizerOptions,
    "labrig.board.programmer": one_board.ProgrammerOptions,
    "analog_discovery.source": DiscoverySourceOptions,
    "analog_discovery.digitizer": DiscoveryDigitizerOptions,
    "audio.output": AudioOutputOptions,
    "audio.input": AudioInputOptions,
}


@pytest.mark.parametrize("driver", REAL)
def test_every_key_of_a_real_driver_is_explained_with_its_default(driver: str) -> None:
    """Values by name in back quotes, quantities as they are written; what is none or the model's is None."""
    table = README.partition(f"| `{driver}` | unit, values | default | meaning |")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in table.splitlines()[2:]]
    written = {key: row[2] for row in rows for key in re.findall(r"`(\w+)`", row[0])}
    options = {key: of for key, of in keys_of(REAL[driver]).items() if key not in keys_of(InstrumentOptions)}
    assert written.keys() == options.keys()
    for key, field in options.items():
        if not written[key]:  # "as above"
            continue
        if field.is_required():
            assert written[key] == "required"
        elif field.default is None:
            assert written[key] in ("none", "the model's")
        elif isinstance(field.default, float):
            assert parse_quantity(written[key]).value == field.default
        else:
            assert written[key].strip("`") == str(field.default)


@pytest.mark.parametrize("name", [*PARTS.own, *DIODES, *preset_names(), "iris.csv"])
def test_every_part_and_preset_is_named(name: str) -> None:
    assert f"`{name}`" in README


@pytest.mark.parametrize("path", sorted(packaged_configs().glob("*.yaml")), ids=lambda path: path.name)
def test_every_example_is_listed(path: Path) -> None:
    assert f"| `{path.name}` |" in README


def test_the_presets_are_what_is_written() -> None:
    header = "| key | unit, values | `ideal` | `typical` | `harsh` | meaning |"
    table = README.partition(header)[2].partition("\n\n")[0]
    rows = [[cell.strip("` ") for cell in line[1:-1].split("|")] for line in table.splitlines()[2:]]
    written = {row[0]: dict(zip(("ideal", "typical", "harsh"), row[2:5], strict=True)) for row in rows}
    assert set(IMPERFECTIONS.own) < set(written)
    model, fields = simulation_model({})
    for name in preset_names():
        for key, value in preset_values(name).items():
            read = model.model_validate_json(json.dumps({key: yaml.safe_load(written[key][name])}))
            assert getattr(read, fields[key]) == value
