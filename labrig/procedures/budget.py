"""The noise budget: which error limits the gradient of every edge, computed from the configuration alone.

All terms are relative errors of the change of a conductance in one epoch, at the initial conductances of nominal parts.
Noise averages over the examples of an epoch; zero, gain, rounding by the digitizer, settling, bandwidth, multiplexer
and pickup do not. The rounding of levels (the gap between levels divided by √12) is compared with the change in a whole
epoch, because the shadow conductances keep the remainder of every rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.assembly import Assembly
from labrig.assembly.expected import Expected
from labrig.assembly.noise import PredictedNoise, predicted_noise
from labrig.errors import ConfigError
from labrig.instruments.data import LevelTable
from labrig.instruments.multiplexer import ghost, switching_s
from labrig.learning.updates import within
from labrig.lockin.estimator import common_period, joint_least_squares
from labrig.lockin.rounding import LARGEST_NOISE, MOST_PHASES, rounding_of_window
from labrig.network.physics import SeenFromNodes
from labrig.rig.hookup import SenseWire
from labrig.runs.folder import RunFolder
from labrig.runs.journal import read_journal

Array = NDArray[np.float64]

TERMS = (
    "noise of a",
    "noise of b",
    "zero",
    "gain",
    "rounding",
    "settling",
    "bandwidth",
    "multiplexer",
    "pickup",
    "levels",
    "rails",
)
"""The terms of the budget, in the order of `Budget.terms`."""

SOME_EXAMPLES = 3
"""Number of examples from which the effect of rounding is estimated."""

TINY = 1e-300
RAIL_ERROR = 100.0
"""Relative error assigned to an edge with a node beyond a rail, whose readings are meaningless."""


@dataclass(frozen=True, eq=False)
class Budget:
    """The budget of E edges.

    Attributes
    ----------
    edges : tuple of str
        Names of the edges.
    a_v, b_v : (E,) arrays
        Coefficients, rms over the examples (V). b is for the largest error current, injected only into the output that
        moves the drop most.
    snr_a, snr_b : (E,) arrays
        Ratios of a and b to the noise of one acquisition; infinite without noise.
    settling : (E,) array
        Fraction of a change of the node voltages that has not settled yet, averaged over the window.
    omega_tau : (E,) array
        ωτ of the slower node of the edge, at the highest error tone.
    ghost : (E,) array
        Residue of the channels scanned just before the nodes of the edge, relative to the edge drop at the error tone.
    gap_s, change_s : (E,) arrays
        Gap between levels at the present conductance, 0 if the part is continuous, and the expected change in one
        epoch (S).
    rail_v : (E,) array
        Smallest distance of the nodes of the edge from a rail, a limit or the compliance of a source (V); negative if
        a node is beyond it.
    terms : (11, E) array
        Relative errors, in the order of `TERMS`.
    """

    edges: tuple[str, ...]
    a_v: Array
    b_v: Array
    snr_a: Array
    snr_b: Array
    settling: Array
    omega_tau: Array
    ghost: Array
    gap_s: Array
    change_s: Array
    rail_v: Array
    terms: Array

    @property
    def limiting(self) -> tuple[str, ...]:
        """The limiting term of every edge."""
        return tuple(TERMS[k] for k in self.terms.argmax(axis=0))

    @property
    def limit(self) -> tuple[str, float]:
        """The term that limits the board, and its median over the edges."""
        medians = np.median(self.terms, axis=1)
        worst = int(medians.argmax())
        return TERMS[worst], float(medians[worst])

    @property
    def snr_gradient(self) -> Array:
        """(E,) ratio of the gradient of one example to its noise, from the ratios of a and b."""
        return 1 / np.sqrt(self.snr_a**-2.0 + self.snr_b**-2.0 + TINY)


def budget(assembly: Assembly) -> Budget:
    """Budget of a configuration; raises ConfigError unless its network is electrical and its errors are tones."""
    hookup, learning = assembly.board.hookup, assembly.learning_choice
    expected = Expected(assembly)
    carrier = learning.carrier(assembly.loss, len(hookup.outputs))
    if not isinstance(expected.solver, SeenFromNodes) or carrier.quantity or hookup.per_volt is not None:
        raise ConfigError(
            "the noise budget can be computed only for electrical networks whose error is a tone",
            remedy="use labrig certify, which measures the noise of any gradient",
        )
    task, loss = assembly.task, assembly.loss
    states = expected.operating_points()
    slopes = [
        loss.gradient(v, task.target[k]) for v, k in zip(states[:, expected.outputs], expected.examples, strict=True)
    ]
    drops = _drops(assembly, states)
    swings = _error_states(assembly, expected)
    noise = predicted_noise(assembly)
    weights = hookup.drops.matrix[: len(hookup.edges)]
    own, common = noise.own @ (weights**2).T, np.multiply.outer(noise.common, weights.sum(axis=1) ** 2)
    variance = own + common
    sine = 1 if assembly.learning.activation == "sine" else 0
    a = np.sqrt(np.mean(drops**2, axis=0))
    of_outputs = np.sqrt(np.mean(_drops(assembly, swings) ** 2, axis=0))
    b = of_outputs.max(axis=0)
    noise_b = np.sqrt(variance[1 + sine :].mean(axis=0))
    noise_a = np.sqrt(variance[sine])
    with np.errstate(divide="ignore", invalid="ignore"):
        snr_a, snr_b = a / noise_a, b / noise_b
    ohm, farad = _seen(assembly, expected, states)
    omega_tau = _of_ends(assembly, 2 * np.pi * max(assembly.acquisition_timing.tones.frequencies_hz) * ohm * farad)
    settling = _settling(assembly, _of_ends(assembly, ohm * farad))
    ghosts = _ghosts(assembly, swings, ohm, farad) / np.maximum(b, TINY)
    gap, change, spread = _levels(assembly, expected, states, slopes)
    rail = _of_ends(assembly, _margins(assembly, states), smallest=True)
    rows = len(task.train)
    terms = np.array(
        [
            spread / (snr_a * math.sqrt(rows)),
            spread / (snr_b * math.sqrt(rows)),
            math.sqrt(2) * noise.u_zero_v / np.maximum(a, TINY) * (not sine),
            np.full(len(a), math.hypot(noise.u_gain, noise.u_source)),
            _rounding(assembly, noise, states, swings, of_outputs.argmax(axis=0)) / np.maximum(b, TINY),
            settling,
            omega_tau**2 / (1 + omega_tau**2),
            ghosts,
            noise.u_pickup * _tone_v(assembly) * np.sqrt((weights**2).sum(axis=1)) / np.maximum(b, TINY),
            gap / math.sqrt(12) / np.maximum(change, TINY),
            np.where(rail < 0, RAIL_ERROR, 0.0),
        ]
    )
    names = tuple(edge.name for edge in hookup.edges)
    return Budget(names, a, b, snr_a, snr_b, settling, omega_tau, ghosts, gap, change, rail, terms)


def measured_snr(assembly: Assembly, folder: RunFolder) -> Array:
    """Return the (E,) ratio of the gradient of one example to its noise, measured in the first epoch of a run.

    Raises ConfigError if the run is of another board, or has no gradients.
    """
    run = read_journal(folder.journal)
    names = [edge[0] for edge in folder.meta()["board"]["edges"]]
    if names != [edge.name for edge in assembly.board.hookup.edges]:
        raise ConfigError(f"{folder.path} is a run of another board", remedy="name a run of this configuration")
    if not len(run.step):
        raise ConfigError(f"{folder.path} has no steps yet", remedy="name a run that has trained")
    batch = assembly.learning_choice.section.batch
    first = slice(-(-len(assembly.task.train) // batch))
    gradient, u = run.steps["gradient"][first], run.steps["u_gradient"][first]
    stored = np.isfinite(gradient).all(axis=1) & np.isfinite(u).all(axis=1)
    if not stored.any():
        raise ConfigError(f"{folder.path} has no gradient in its first epoch", remedy="name a run that has gradients")
    g2, u2 = np.mean(gradient[stored] ** 2, axis=0), np.mean(u[stored] ** 2, axis=0)
    return np.sqrt(g2 / np.maximum(u2, TINY) / batch)


def _drops(assembly: Assembly, states: Array) -> Array:
    """Return the (…, E) drops at node voltages (…, N)."""
    nodes = assembly.board.network.nodes
    return states[..., [nodes.index(wire.node) for wire in _senses(assembly)]] @ _weights(assembly).T


def _senses(assembly: Assembly) -> list[SenseWire]:
    """Return the sense wires of the nodes of the network, without the pilot's."""
    nodes = set(assembly.board.network.nodes)
    return [wire for wire in assembly.board.hookup.senses if wire.node in nodes]


def _weights(assembly: Assembly) -> Array:
    """Return the (E, C) weights of the sensed nodes in the drops."""
    hookup = assembly.board.hookup
    columns = [hookup.sense_column[wire.node] for wire in _senses(assembly)]
    return hookup.drops.matrix[: len(hookup.edges), columns]


def _error_states(assembly: Assembly, expected: Expected) -> Array:
    """Return the (B, O, N) amplitudes of the nodes while the largest error current flows into one output at a time."""
    hookup, network = assembly.board.hookup, assembly.board.network
    played = expected.played(assembly.task.activation[expected.examples])
    place = {source.node: row for row, source in enumerate(network.sources)}
    current_a = assembly.learning.error.largest
    found = []
    for wire in hookup.outputs:
        up, down = played.copy(), played.copy()
        up[:, place[wire.node]] += current_a * wire.volts_per_ampere
        down[:, place[wire.node]] -= current_a * wire.volts_per_ampere
        found.append((expected.solver.states(up) - expected.solver.states(down)) / 2)
    return np.array(found).transpose(1, 0, 2)


def _rounding(
    assembly: Assembly, noise: PredictedNoise, states: Array, swings: Array, outputs: NDArray[np.intp]
) -> Array:
    """Return the (E,) rms error of b due to rounding that noise does not average away (V).

    states, swings: voltages of the nodes (B, N), and their tone amplitudes (B, O, N) for an error at each output.
    outputs: for each edge (E,), the output whose error is used.
    """
    hookup, timing = assembly.board.hookup, assembly.acquisition_timing
    step_v, samples = assembly.devices[hookup.digitizer].digitizer.step_v, timing.plan.window_samples
    columns = [hookup.sense_column[wire.node] for wire in _senses(assembly)]
    variance = (noise.own[0, columns] + noise.common[0]) * samples - step_v**2 / 12
    sigma = np.sqrt(np.maximum(variance, 0.0)) / step_v
    if not _rounds(assembly) or sigma.min() > LARGEST_NOISE:
        return np.zeros(len(hookup.edges))
    cycles = np.array(timing.tones.frequencies_hz) / timing.plan.sample_rate_hz
    fit = joint_least_squares(2 * np.pi * cycles, samples)
    period = common_period(list(cycles), samples)
    phases = slice(None, None, -(-samples // MOST_PHASES)) if period is None else slice(period)
    basis = fit.basis[phases]
    weights = fit.pseudo_inverse[:, phases] * (samples / len(basis))
    nodes = [assembly.board.network.nodes.index(wire.node) for wire in _senses(assembly)]
    activation = 1 if assembly.learning.activation == "sine" else 0
    some = np.unique(np.linspace(0, len(states) - 1, SOME_EXAMPLES).astype(int))
    found = np.zeros((swings.shape[1], len(hookup.edges)))
    for example in some:
        for output, amplitudes in enumerate(swings[example]):
            theta = np.zeros((1 + 2 * len(cycles), len(nodes)))
            theta[activation], theta[-2] = states[example, nodes], amplitudes[nodes]
            square = rounding_of_window(sigma, theta / step_v, basis, weights, None)[-1] * step_v**2
            found[output] += square @ (_weights(assembly) ** 2).T / len(some)
    return np.sqrt(np.take_along_axis(found, outputs[np.newaxis], axis=0)[0])


def _seen(assembly: Assembly, expected: Expected, states: Array) -> tuple[Array, Array]:
    """Return the source resistance (C,) (Ω) and the capacitance (C,) (F) at the digitizer input of each sense wire."""
    senses, nodes = _senses(assembly), assembly.board.network.nodes
    assert isinstance(expected.solver, SeenFromNodes)
    seen = expected.solver.resistances(states[len(states) // 2], [nodes.index(wire.node) for wire in senses])
    return np.asarray(seen), np.array([wire.lead.farad for wire in senses])


def _of_ends(assembly: Assembly, values: Array, smallest: bool = False) -> Array:
    """Return, for each edge (E,), the largest or smallest of the values (C,) at its sensed nodes."""
    used = _weights(assembly) != 0
    if smallest:
        return np.where(used, values, np.inf).min(axis=1)
    return np.where(used, values, 0.0).max(axis=1)


def _settling(assembly: Assembly, tau_s: Array) -> Array:
    """Return the (E,) mean of exp(−t/τ) over the window; t is the time since the slowest source has settled."""
    plan = assembly.acquisition_timing.plan
    slowest = max(assembly.devices[name].source.settle_s for name in assembly.board.hookup.sources)
    tau_s = np.maximum(tau_s, TINY)
    left = np.exp(-max(plan.settle_samples / plan.sample_rate_hz - slowest, 0.0) / tau_s)
    return left / plan.window_samples / -np.expm1(-1 / (plan.sample_rate_hz * tau_s))


def _ghosts(assembly: Assembly, swings: Array, ohm: Array, farad: Array) -> Array:
    """Return the (E,) rms residue of the previous channels in the drops at the error tone (V).

    swings: the (B, O, N) tone amplitudes of the nodes for an error at each output.
    """
    hookup, plan = assembly.board.hookup, assembly.acquisition_timing.plan
    able = assembly.devices[hookup.digitizer].digitizer
    skew_s = able.skew_s(len(hookup.senses), plan.sample_rate_hz)
    if not any(skew_s):
        return np.zeros(len(hookup.edges))
    nodes, senses = assembly.board.network.nodes, _senses(assembly)
    columns = [hookup.sense_column[wire.node] for wire in senses]
    buffered = [
        wire.lead.buffer_ohm if wire.lead.buffer_ohm is not None else r for wire, r in zip(senses, ohm, strict=True)
    ]
    left = ghost(able.sampling_f, farad, buffered, switching_s(skew_s, plan.sample_rate_hz)[columns])
    volts = np.zeros((*swings.shape[:2], len(hookup.senses)))
    volts[..., columns] = swings[..., [nodes.index(wire.node) for wire in senses]]
    volts[..., hookup.pilot_column] = assembly.acquisition.pilot / len(assembly.acquisition_timing.tones.frequencies_hz)
    before = np.roll(volts, 1, axis=-1)[..., columns] - volts[..., columns]
    return np.sqrt(np.mean(((before * left) @ _weights(assembly).T) ** 2, axis=0)).max(axis=0)


def _tone_v(assembly: Assembly) -> float:
    """Return the root sum square of the amplitudes of a pilot tone and of the largest error tone (V)."""
    pilot = assembly.acquisition.pilot / len(assembly.acquisition_timing.tones.frequencies_hz)
    outputs = assembly.board.hookup.outputs
    error = assembly.learning.error.largest * max((abs(wire.volts_per_ampere) for wire in outputs), default=0.0)
    return math.hypot(pilot, error)


def _levels(assembly: Assembly, expected: Expected, states: Array, slopes: list[Array]) -> tuple[Array, Array, Array]:
    """Return, (E,) each: the gap between levels and the change in one epoch (S), and the gradient's rms over mean."""
    hookup, (low, high) = assembly.board.hookup, assembly.network.programmable.range
    record = assembly.calibration
    measured = {} if record is None else record.levels
    levels = [
        within(
            measured.get(f"{wire.device}/{wire.channel}", assembly.devices[wire.device].programmer.part.levels()),
            low,
            high,
        )
        for wire in hookup.edges
    ]
    by_node = np.zeros(states.shape)
    by_node[:, expected.outputs] = slopes
    gradients = expected.solver.gradient(states, by_node)
    mean = gradients.mean(axis=0)
    learning = assembly.learning_choice
    update = learning.update(levels, assembly.initial, assembly.span, assembly.loss, len(assembly.task.train), None)
    before = update.shadow.copy()
    update.apply(mean)
    steps = -(-len(assembly.task.train) // learning.section.batch)
    change = np.abs(update.shadow - before) * steps
    gap = np.zeros(len(levels))
    for edge, table in enumerate(levels):
        if isinstance(table, LevelTable) and len(table.siemens) > 1 and _rounds(assembly):
            k = int(np.clip(np.searchsorted(table.siemens, before[edge]), 1, len(table.siemens) - 1))
            gap[edge] = table.siemens[k] - table.siemens[k - 1]
    rms = np.sqrt(np.mean(gradients**2, axis=0))
    return gap, change, rms / np.maximum(np.abs(mean), TINY)


def _rounds(assembly: Assembly) -> bool:
    """Return whether converters and parts have steps: always, except on a simulated bench without `converters`."""
    return assembly.header.bench != "simulated" or bool(assembly.simulation.imperfections["converters"])


def _margins(assembly: Assembly, states: Array) -> Array:
    """Return the (C,) smallest distance of each sensed node from its rails and limits, over the examples (V)."""
    nodes, senses = assembly.board.network.nodes, _senses(assembly)
    volts = states[:, [nodes.index(wire.node) for wire in senses]]
    limit = assembly.limits.node_v
    full = assembly.devices[assembly.board.hookup.digitizer].digitizer.full_scale_v
    high = np.minimum([wire.high_v for wire in senses], min(limit, full)) - volts.max(axis=0)
    low = volts.min(axis=0) - np.maximum([wire.low_v for wire in senses], -min(limit, full))
    return np.minimum(high, low)
