"""Builds the simulated bench of a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrig.instruments.drivers import SourceCapabilities
from labrig.simulation.bench import SimulatedBench
from labrig.simulation.fixtures import fixture_board
from labrig.simulation.imperfections import Imperfections
from labrig.simulation.imperfections import imperfections as drawn
from labrig.simulation.miswirings import Wired
from labrig.simulation.world import BoardWiring

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly


def build(assembly: Assembly) -> SimulatedBench:
    """Build the bench, with the board that `wired` returns and the imperfections of the configuration."""
    hookup, fixture = assembly.board.hookup, assembly.fixture
    board = wired(assembly)
    return SimulatedBench(
        board.network,
        board.wiring,
        {name: device.capabilities for name, device in assembly.devices.items()},
        imperfections(assembly),
        assembly.simulation_seed,
        inputs=[wire.label for wire in hookup.inputs] if fixture is None else (),
        outputs=[wire.output for wire in hookup.outputs] if fixture is None else (),
        faults=assembly.faults if fixture is None else (),
        compensated=compensated(assembly),
    )


def wired(assembly: Assembly) -> Wired:
    """Return the simulated board with its miswirings, or the fixture that replaces the board during a calibration."""
    if assembly.fixture is not None:
        able = {name: device.capabilities for name, device in assembly.devices.items()}
        ohm = {name: each.output_resistance_ohm for name, each in able.items() if isinstance(each, SourceCapabilities)}
        return Wired(*fixture_board(assembly.fixture, ohm, assembly.simulation_seed))
    board = Wired(assembly.board.network, board_wiring(assembly))
    for miswiring in assembly.miswired:
        board = miswiring.applied(board)
    return board


def compensated(assembly: Assembly) -> dict[str, tuple[float, float]]:
    """Return the gain and offset (V) of each source channel that the calibration record compensates."""
    if assembly.calibration is None:
        return {}
    of = assembly.calibration.of_outputs
    gains = of.gain if assembly.learning.activation == "dc" else of.tone_gain
    offsets = of.offset_v if assembly.learning.activation == "dc" else 0.0 * of.offset_v
    return dict(zip(assembly.calibration.outputs, zip(gains.tolist(), offsets.tolist(), strict=True), strict=True))


def board_wiring(assembly: Assembly) -> BoardWiring:
    """Return the configured wiring: the node or edge of every channel, with leads, sensors and transducers."""
    hookup = assembly.board.hookup
    judge = () if assembly.judge is None else assembly.judge.labels
    judged = zip(judge, (wire.output for wire in hookup.outputs), strict=bool(judge))
    return BoardWiring(
        sources={wire.label: wire.node for wire in (*hookup.inputs, *hookup.outputs, hookup.pilot)},
        senses={**{f"{hookup.digitizer}/{wire.channel}": wire.node for wire in hookup.senses}, **dict(judged)},
        edges={f"{edge.device}/{edge.channel}": edge.name for edge in hookup.edges},
        leads={f"{hookup.digitizer}/{wire.channel}": wire.lead for wire in hookup.senses},
        sensors=_sensors(assembly),
        volts_per_drive={wire.label: wire.volts_per_drive for wire in hookup.inputs if wire.actuator is not None},
        per_siemens={edge.name: edge.per_siemens for edge in hookup.edges if edge.per_siemens != 1.0},
    )


def _sensors(assembly: Assembly) -> dict[str, float]:
    """Return the volts per unit of state of every channel behind a sensor; a judge reads the outputs' sensors."""
    hookup = assembly.board.hookup
    sensors = {f"{hookup.digitizer}/{wire.channel}": wire.sensor for wire in hookup.senses}
    if assembly.judge is not None:
        of_node = {wire.node: wire.sensor for wire in hookup.senses}
        sensors |= {
            label: of_node[wire.output] for label, wire in zip(assembly.judge.labels, hookup.outputs, strict=True)
        }
    return {label: sensor for label, sensor in sensors.items() if sensor != 1.0}


def imperfections(assembly: Assembly) -> Imperfections:
    """Return the imperfections of the configuration, drawn from the seed of the simulation."""
    return drawn(assembly.simulation.imperfections, assembly.simulation_seed)
