"""What the wire costs: a step beyond its physics, one query, and a long acquisition of many channels."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from common import CONFIGS, ROOT, Figure, at_least, at_most

sys.path.append(str(ROOT / "tests"))
sys.path.append(str(ROOT / "tests" / "benchmarks"))

from labrig_drivers.ni.analog_input import NiAnalogInput
from labrig_drivers.ni.input_options import NiAnalogInputOptions
from labrig_drivers.visa import VisaSession
from serving import grpc_address, served
from step_overhead import CHAIN, SMALL, SOCKET, measured

from labrig.instruments.data import AcquisitionPlan

SETTLE_MS = 5
LOOSE = 6.0
"""How much the short form allows: it runs on machines that do other things, too."""


def measure(short: bool) -> list[Figure]:
    windows = (20,) if short else (20, 40, 200, 300)
    allowed = LOOSE if short else 1.0
    chain = {window: _overhead(CHAIN, window, short, SOCKET) for window in windows}
    small = _overhead(SMALL, 20, short)
    figures = [
        at_most(f"step over the wire beyond its physics, {window} ms windows, median (ms)", over, 9 * allowed)
        for window, over in chain.items()
    ]
    over_vxi11 = _overhead(CHAIN, 20, short)
    figures.append(
        Figure("the same with the generators over VXI-11, 20 ms windows (ms)", f"{over_vxi11:.3g}", "stated", True)
    )
    figures.append(at_most("the same, small chain, 20 ms windows (ms)", small, 5.5 * allowed))
    for window, share in () if short else ((40, 90), (200, 98)):
        physics = 2 * (SETTLE_MS + window)
        figures.append(
            at_least(f"physics of a step at {window} ms (%)", 100 * physics / (physics + chain[window]), share)
        )
    with served(str(CONFIGS / "iris_wire.yaml")) as resources:
        figures.append(at_most("SCPI query on loopback, median (ms)", _query_ms(resources["err1"]), 1.0 * allowed))
        ratio = _long_acquisition(resources["daq"])
    figures.append(at_most("16 channels x 100 000 samples, time over their own", ratio, 1.3))
    return figures


def _overhead(config: Path, window_ms: int, short: bool, overrides: Sequence[str] = ()) -> float:
    overhead, _ = measured(config, window_ms, 30 if short else 100, list(overrides))
    return statistics.median(overhead)


def _query_ms(resource: str) -> float:
    session = VisaSession("err1", resource, 1.0)
    session.open()
    try:
        took = []
        for _ in range(500):
            began = time.perf_counter()
            session.query("C1:BSWV?", "ask")
            took.append(time.perf_counter() - began)
    finally:
        session.close()
    return 1e3 * statistics.median(took)


def _long_acquisition(resource: str) -> float:
    """Wall time of 100 000 scans of 16 channels at a million samples a second in all, over the time they take."""
    host, port, device = grpc_address(resource)
    server = f"{host}:{port}"
    entry = {"driver": "ni.ai", "model": "PXIe-6363", "resource": device, "grpc": server, "full_scale": "2 V"}
    daq = NiAnalogInput("daq", NiAnalogInputOptions.model_validate(entry))
    channels = tuple(f"ai{k}" for k in range(16))
    daq.open()
    try:
        plan = daq.configure(AcquisitionPlan(62.5e3, 0, 100_000, channels, (2.0,) * 16, (0.0,) * 16))
        daq.arm()
        began = time.perf_counter()
        daq.start()
        received = 0
        while received < plan.total_samples:
            received += len(daq.read(10.0).codes)
        took = time.perf_counter() - began
    finally:
        daq.make_safe()
        daq.close()
    return took / plan.duration_s
