"""A small board in a World, its faces, and the same board sample by sample without any of the World's shortcuts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from unit.network.dense_oracle import conductance_matrix, pushed_in

from labrig.clock import SimulatedClock
from labrig.instruments.data import AcquisitionPlan
from labrig.instruments.drivers import DigitizerCapabilities, ProgrammerCapabilities, SourceCapabilities
from labrig.instruments.parts import find_part
from labrig.network.physics import GROUND, Source
from labrig.network.resistive.builders import from_edges
from labrig.network.resistive.graph import Resistor
from labrig.network.resistive.network import OFF_STATE_OHM, ResistiveNetwork
from labrig.signals.tones import ToneProgram
from labrig.simulation.faces import SimulatedContext, SimulatedDigitizer, SimulatedProgrammer, SimulatedSource
from labrig.simulation.imperfections import imperfections
from labrig.simulation.world import BoardWiring, SourceStage, World

IDEAL: Mapping[str, Any] = {}
NODES = ("a", "b", "c")
SOURCES = {"awg/0": "a", "awg/1": "c"}
INITIAL = np.array([30e-6, 70e-6])
PART = find_part("MCP4251-104")


def graph(transconductance_s: float | None = None) -> ResistiveNetwork:
    """a ── b ── c, both ends driven (50 Ω, 100 kΩ), 10 kΩ from b to ground. transconductance_s: of the one on c."""
    layout = from_edges(["a-b", "b-c"], [Resistor("load", "b", GROUND, 1e4)])
    return layout.with_sources([Source("a", 50.0), Source("c", 1e5, transconductance_s)])


def world(gains: Sequence[float] = (1.0, 1.0), step_v: float = 0.0, transconductance_s: float | None = None) -> World:
    wiring = BoardWiring(
        SOURCES, {f"daq/{k}": node for k, node in enumerate(NODES)}, {"pots/0": "a-b", "pots/1": "b-c"}
    )
    stages = {channel: SourceStage(gain, step_v) for channel, gain in zip(SOURCES, gains, strict=True)}
    return World(graph(transconductance_s), wiring, stages, INITIAL)


def by_hand(
    drives: Sequence[tuple[float, str, ToneProgram | None]],
    settings: Sequence[tuple[float, Mapping[str, float]]],
    times: np.ndarray,
) -> np.ndarray:
    """(T, 3) node voltages, each sample on its own: who plays what at this time, and a dense solve."""
    board = graph()
    rows = []
    for t in times:
        volts, sources = [], []
        for channel, source in zip(SOURCES, board.sources, strict=True):
            began, program = max(
                ((s, k, p) for k, (s, c, p) in enumerate(drives) if c == channel and s <= t),
                default=(0.0, 0, None),
                key=lambda item: item[:2],
            )[::2]
            volts.append(0.0 if program is None else float(program.at(np.array(t - began))))
            sources.append(source if program is not None else replace(source, ohm=source.ohm + OFF_STATE_OHM))
        siemens = dict(zip(("a-b", "b-c"), INITIAL, strict=True))
        for s, changes in settings:
            if s <= t:
                siemens |= changes
        now = replace(board, sources=tuple(sources))
        matrix = conductance_matrix(now, np.array(list(siemens.values())))
        rows.append(np.linalg.solve(matrix, pushed_in(now, np.array(volts))))
    return np.array(rows)


class Bench:
    """The faces around one World, open, sources with their own settle. wrong: imperfections by their keys."""

    def __init__(
        self,
        wrong: Mapping[str, Any] = IDEAL,
        *,
        seed: int = 0,
        bits: int = 16,
        full_scale_v: float = 2.0,
        convert_interval_s: float = 0.0,
        settle_s: float = 400e-6,
    ) -> None:
        self.clock = SimulatedClock()
        self.world = world()
        self.context = SimulatedContext(self.world, self.clock, imperfections(wrong, seed), seed)
        self.source = SimulatedSource("awg", self.context, SourceCapabilities(("0", "1"), bits, 5.0, 50.0, settle_s))
        self.digitizer = SimulatedDigitizer(
            "daq",
            self.context,
            DigitizerCapabilities(("0", "1", "2"), bits, full_scale_v, 250e3, convert_interval_s),
        )
        self.programmer = SimulatedProgrammer(
            "pots",
            self.context,
            ProgrammerCapabilities(("0", "1"), PART, (-2.5, 2.5), 2e-3),
            [PART, PART],
        )
        for face in (self.source, self.digitizer, self.programmer):
            face.open()

    def acquire(self, programs: Mapping[str, ToneProgram], plan: AcquisitionPlan):
        self.digitizer.configure(plan)
        self.source.load(programs)
        self.digitizer.arm()
        self.source.arm()
        self.source.start()
        return self.digitizer.read(10.0)


def plan(window: int = 500, settle: int = 20, rate: float = 50e3, channels: Sequence[str] = ("0", "1", "2")):
    n = len(channels)
    return AcquisitionPlan(rate, settle, window, tuple(channels), (2.0,) * n, (0.0,) * n)
