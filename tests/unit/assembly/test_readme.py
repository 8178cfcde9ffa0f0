"""configs/README.md keeps up with the configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from labrig_drivers.generic import DigitizerOptions, ProgrammerOptions, SourceOptions
from pydantic import BaseModel

from labrig.assembly import packaged_configs
from labrig.config import sections
from labrig.config.annotations import keys_of
from labrig.instruments.potentiometers import POTENTIOMETERS
from labrig.network.diodes import DIODES
from labrig.simulation.imperfections import PRESETS

README = (packaged_configs() / "README.md").read_text(encoding="utf-8")


def models() -> Iterator[type[BaseModel]]:
    for value in vars(sections).values():
        if isinstance(value, type) and issubclass(value, sections.Section) and value is not sections.Section:
            yield value
    yield from (SourceOptions, DigitizerOptions, ProgrammerOptions)


@pytest.mark.parametrize("model", list(models()), ids=lambda model: model.__name__)
def test_every_key_is_explained(model: type[BaseModel]) -> None:
    code = " ".join(re.findall(r"`([^`\n]+)`", README))
    words = set(re.findall(r"[A-Za-z_]+", code))
    assert set(keys_of(model)) <= words


@pytest.mark.parametrize("name", [*POTENTIOMETERS, *DIODES, *PRESETS, "iris.csv"])
def test_every_part_and_preset_is_named(name: str) -> None:
    assert f"`{name}`" in README


@pytest.mark.parametrize("path", sorted(packaged_configs().glob("*.yaml")), ids=lambda path: path.name)
def test_every_example_is_listed(path: Path) -> None:
    assert f"| `{path.name}` |" in README


def test_the_presets_are_what_is_written() -> None:
    rows = {
        row[0].strip("` "): [cell.strip() for cell in row[2:4]]
        for row in (line.strip("|").split("|") for line in README.splitlines() if line.startswith("|"))
    }
    typical = PRESETS["typical"]
    assert rows["noise"] == ["0 V", f"{typical.noise_v * 1e6:g} µV"]
    assert rows["source_amplitude"] == ["0", f"{typical.source_amplitude:g}"]
    assert rows["digitizer_gain"] == ["0", f"{typical.digitizer_gain:g}"]
    assert rows["digitizer_offset"] == ["0 V", f"{typical.digitizer_offset_v * 1e6:g} µV"]
    assert rows["part_tolerance"] == ["`false`", "`true`"]
    assert PRESETS["ideal"].noise_v == PRESETS["ideal"].source_amplitude == PRESETS["ideal"].digitizer_gain == 0
