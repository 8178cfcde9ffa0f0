"""Assemblies of the example configurations, and benches on which single instruments misbehave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from unittest.mock import patch

import numpy as np

from labrig.assembly import Assembly, Setup, assemble, packaged_configs
from labrig.simulation.bench import SimulatedBench

Wrap = Callable[[Any], Any]


def assembled(name: str, *overrides: str) -> Assembly:
    """The example configuration of this name."""
    return assemble(packaged_configs() / f"{name}.yaml", overrides)


class Wrapper:
    """Stands in front of an instrument and hands everything on."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def bench_with(wraps: Mapping[str, Wrap]) -> type[SimulatedBench]:
    """A simulated bench on which these instruments are wrapped, beneath their guards."""

    class Bench(SimulatedBench):
        def connect(self, name: str, driver: Any, options: Any) -> Any:
            instrument = super().connect(name, driver, options)
            return wraps[name](instrument) if name in wraps else instrument

    return Bench


def setup_with(assembly: Assembly, **wraps: Wrap) -> Setup:
    """A fresh bench and rig; `wraps` by name of the instrument."""
    with patch("labrig.assembly.benches.simulated.SimulatedBench", bench_with(wraps)):
        return assembly.setup()


def off(setup) -> bool:
    """Whether every source ends with its output open."""
    return all(program is None for program in setup.bench.world.playing(np.inf).values())
