"""What a training step on the wire costs beyond its physics: python tests/benchmarks/step_overhead.py [--short]

Overhead = step − 2 × (settle + window), for the chain of configs/iris_wire.yaml at 50 kS/s: analog output, two
generators over VXI-11 (with --socket, a raw socket), 14 channels, 30 potentiometers, journal on. With --small it is
that of small_wire.yaml: one generator, no analog output within a step. Times are of this machine; what compares is the
spread over the windows and the parts.

A control: `--set "simulation.faults=[{what: late_replies, where: err1, time: 0 s, by: 10 ms}]"` adds 10 ms to each of
err1's round trips.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from labrig.assembly import assemble
from labrig.rig.rig import Rig
from labrig.runs.journal import Journal

WARM_UP = 5
"""Steps before those that are measured."""

HERE = Path(__file__).resolve().parent
FAST = ["acquisition.sample_rate=50 kS/s", "acquisition.band=[200 Hz, 2 kHz]"]
"""More samples than configs/iris_wire.yaml takes: what the chain costs if the board's nodes settle fast enough."""
CHAIN, SMALL = HERE.parents[1] / "configs" / "iris_wire.yaml", HERE / "small_wire.yaml"
SOCKET = [
    'instruments.err1.resource="TCPIP::192.0.2.20::5025::SOCKET"',
    'instruments.err2.resource="TCPIP::192.0.2.21::5025::SOCKET"',
]


def main() -> None:
    parser = argparse.ArgumentParser(description="What a training step on the wire costs beyond its physics.")
    parser.add_argument("--short", action="store_true", help="one window, a few steps")
    parser.add_argument("--socket", action="store_true", help="generators over a raw socket")
    parser.add_argument("--small", action="store_true", help="the chain of small_wire.yaml")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as for labrig run")
    arguments = parser.parse_args()
    config = SMALL if arguments.small else CHAIN
    overrides = [*(SOCKET if arguments.socket else []), *arguments.set]
    for window_ms in (20,) if arguments.short else (20, 40, 100, 200):
        steps = 20 if arguments.short else max(20, 4000 // window_ms)
        overhead, parts = measured(config, window_ms, steps, overrides)
        physics = 2 * (5 + window_ms)
        share = 100 * physics / (physics + statistics.median(overhead))
        middle, high = statistics.median(overhead), statistics.quantiles(overhead, n=10)[8]
        print(f"{window_ms} ms: overhead {middle:.1f} ms median, {high:.1f} p90; {share:.0f} % physics")
        for part, took in sorted(parts.items(), key=lambda item: -item[1]):
            print(f"    {part:<14} {took:6.2f} ms a step")


def measured(config: Path, window_ms: int, steps: int, overrides: list[str]) -> tuple[list[float], dict[str, float]]:
    """Overhead of each step (ms), and mean time of each part a step (ms); reads without the time samples take."""
    fast = FAST if config == CHAIN else []
    assembly = assemble(config, [f"acquisition.window={window_ms} ms", *fast, *overrides])
    parts: dict[str, float] = defaultdict(float)
    overhead = []
    with (
        tempfile.TemporaryDirectory() as folder,
        assembly.open_rig() as rig,
        Journal(Path(folder) / "run.db") as journal,
    ):
        experiment = assembly.experiment(rig, journal)
        rig.program(experiment.update.settings())
        examples = assembly.task.train
        for step in range(WARM_UP):
            experiment.step(0, [examples[step % len(examples)]], examples[(step + 1) % len(examples)])
        _time_parts(rig, parts)
        physics = 2e-3 * (5 + window_ms)
        for step in range(steps):
            began = time.perf_counter()
            experiment.step(0, [examples[step % len(examples)]], examples[(step + 1) % len(examples)])
            overhead.append(1e3 * (time.perf_counter() - began - physics))
    shares = {part: 1e3 * took / steps for part, took in parts.items()}
    shares["daq.read"] -= 1e3 * physics
    return overhead, shares


def _time_parts(rig: Rig, parts: dict[str, float]) -> None:
    instruments: dict[str, tuple[Any, tuple[str, ...]]] = {
        **{name: (source, ("load", "start", "confirm")) for name, source in rig._sources.items()},
        "daq": (rig._digitizer, ("arm", "start", "read")),
        "rig": (rig, ("program",)),
    }
    for name, (instrument, methods) in instruments.items():
        for method in methods:
            setattr(instrument, method, _timed(getattr(instrument, method), f"{name}.{method}", parts))


def _timed(function: Callable[..., Any], part: str, parts: dict[str, float]) -> Callable[..., Any]:
    def timed(*arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*arguments)
        finally:
            parts[part] += time.perf_counter() - began

    return timed


if __name__ == "__main__":
    main()
