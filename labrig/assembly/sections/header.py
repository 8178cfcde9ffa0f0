"""The top level of a configuration: its plain keys and the names of its sections."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from labrig.config.section import Section
from labrig.quantities import NonNegativeCount, as_written


def _fit_for_a_folder(name: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", name, re.ASCII) is None:
        allowed = "up to 100 letters, digits, '_', '-' and '.', the first a letter or a digit"
        raise ValueError(f"{as_written(name)} is used as a folder name; use {allowed}")
    return name


class Header(Section):
    """The top level of a configuration: its plain keys and the names of its sections."""

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
    power: dict[str, Any] = {}
    storage: dict[str, Any] = {}
    faults: dict[str, Any] = {}
    programmers: dict[str, Any] = {}
    simulation: dict[str, Any] = {}
    judge: dict[str, Any] | None = None
    calibration: dict[str, Any] | None = None
