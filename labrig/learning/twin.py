"""A model that runs alongside the board, compares its predictions with the readings, and finds an edge that changed.

The twin predicts the activation coefficient `a` of every sensed node, and `b`, from the nominal conductances that were
written, and compares them with the readings. Parts deviate from nominal within their tolerance. During its first steps
the twin therefore learns the deviation of each edge, and zero and gain of every channel (a recursive least-squares fit
with the tolerances as the prior). After that it watches for a single edge that changes: after every block of steps, for
every k, it tests the hypothesis "edge k has changed by δ" against no change (a likelihood ratio in which the scale of
the errors is unknown, because the error of the model is). The model uses the input voltages as they were read, so that
errors of the sources do not matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.learning.measurement import Response
from labrig.network.physics import Network, TakesCurrents

Array = NDArray[np.float64]

LEARNING_STEPS = 25
"""Steps during which the twin learns the board before it starts to watch."""
BLOCK_STEPS = 15
"""Steps that are tested together. A change within a block fits no edge, but the next block shows it."""
TOLERANCE = 0.12
"""Prior standard deviation of a conductance, relative to its nominal value: that of a uniform ± 20 %."""
MODEL = 1e-4
"""Bound on the error of the model, as a share of the largest voltage: wiper resistances do not scale with the track."""
LEAST_MODEL = 0.02
"""Lower bound on χ² per degree of freedom; far below 1, because the error of the model is usually far below MODEL."""
UNEXPLAINED = 0.01
"""Share of χ² that a large change may leave unexplained, because the model is linear in the change."""
GAIN = 1e-3
"""Prior standard deviation of the gain of a channel (relative)."""
CAUTION = 1e4
"""Extra variance of the very first reading, in units of its own variance, because the fit is far from linear at first.
It falls as 1/n⁴ with the number n of readings."""
NAMED_AT = 60.0
"""Twice the logarithm of the likelihood ratio at which an edge is named; chance alone gives 30 once in 10⁷ tests."""
MARGIN = 15.0
"""Amount by which the evidence for an edge must exceed that for any other edge."""
STEP_V = 1e-4
"""Change of an input for the numerical derivative of the state (V)."""
LEAST_CHANGE = 0.02
"""Smallest relative change for which an edge is named."""
LEAST_SHARE = 0.05
"""Smallest conductance that the twin assumes, relative to nominal: its linear fit may lead below zero on a board that
the model does not describe, such as one of parts whose conductance depends on their voltage."""


@dataclass(frozen=True)
class Parting:
    """An edge whose change explains a difference between board and model.

    Parameters
    ----------
    edge : int
        Index of the edge.
    change : float
        Relative change of its conductance since the twin learned it.
    evidence : float
        Twice the logarithm of the likelihood ratio of this change to no change.
    second : int
        Index of the edge that explains the readings second best.
    second_evidence : float
        Evidence for that edge.
    """

    edge: int
    change: float
    evidence: float
    second: int
    second_evidence: float


@dataclass
class Twin:
    """A model of one board.

    Parameters
    ----------
    network : Network
        The nominal network.
    inputs : sequence of int
        Indices of the network's sources that play the activation.
    outputs : sequence of int
        Indices of the nodes that receive an error.
    nodes : (C,) int array
        Index of the node of each sensed channel.
    fits : bool
        Whether the twin keeps learning the conductances during the whole run instead of watching for changes.
    """

    network: Network
    inputs: Sequence[int]
    outputs: Sequence[int]
    nodes: NDArray[np.intp]
    fits: bool = False
    steps: int = 0
    misfit_a_v: float = 0.0
    """Root mean square of measured − predicted node voltages in the last step (V)."""
    apart: float = 0.0
    """Root mean square of measured − predicted node voltages in the last step, in units of their uncertainty."""
    misfit_b: float = 0.0
    """Norm of measured − predicted b in the last step, relative to the norm of predicted b."""

    def __post_init__(self) -> None:
        edges = len(self.network.edges)
        self._equilibrium = self.network.equilibrium()
        nodes = self.network.nodes
        self._driven = np.array([nodes.index(self.network.sources[k].node) for k in self.inputs], dtype=np.intp)
        self._free = np.array([column for column, node in enumerate(self.nodes) if node not in self._driven])
        self._column = {int(node): column for column, node in enumerate(self.nodes)}
        self._all = edges + 2 * (len(self._free) + len(self._driven))
        self._state, self._spread = np.zeros(self._all), np.zeros((0, 0))
        self._information, self._evidence = np.zeros((self._all, self._all)), np.zeros(self._all)
        self._errors: list[float] = []
        self._errors_b: list[float] = []
        self._ratios: list[float] = []

    @property
    def deviation(self) -> Array:
        """(E,) relative deviation of each edge from its nominal conductance."""
        return self._state[: len(self.network.edges)]

    @property
    def covariance(self) -> Array:
        """(E, E) covariance of `deviation`."""
        edges = len(self.network.edges)
        return self._spread[:edges, :edges] if len(self._spread) else np.eye(edges) * TOLERANCE**2

    def conductances(self, nominal: Array) -> Array:
        """(E,) conductances of the board, as the twin estimates them, when `nominal` (E,) is written (S)."""
        return nominal * np.maximum(1 + self.deviation, LEAST_SHARE)

    def read(self, activation: Array, volts: Array, noise: Array, systematic: Array, nominal: Array) -> None:
        """Compare the model with a measurement without error currents, and learn from it.

        Parameters
        ----------
        activation : (I,) array
            Activation as played (V).
        volts, noise, systematic : (C,) arrays
            Measured voltage of every sensed node, its standard error and its systematic uncertainty (V).
        nominal : (E,) array
            Nominal conductances as written (S).
        """
        edges, free, driven = len(self.network.edges), len(self._free), len(self._driven)
        states = self._states(self.conductances(nominal), activation, volts)
        by_node = np.zeros((free, len(states)))
        by_node[np.arange(free), self.nodes[self._free]] = 1.0
        at_inputs = states[self._driven]
        response = self._response(activation, volts, states)[:, self.nodes[self._free]].T  # (free, I)
        jacobian = np.hstack(
            (
                self._equilibrium.gradient(np.tile(states, (free, 1)), by_node) * nominal,
                np.eye(free),
                np.diag(states[self.nodes[self._free]]),
                -response,
                -response * at_inputs,
            )
        )
        difference = (volts - states[self.nodes])[self._free]
        self._errors.append(float(np.mean(difference**2)))
        residual = difference - jacobian[:, edges:] @ self._state[edges:]
        variance = noise[self._free] ** 2 + (MODEL * float(np.abs(volts).max())) ** 2
        self._ratios.append(float(np.mean(difference**2 / (variance + systematic[self._free] ** 2))))
        if not len(self._spread):
            zero = float(np.median(systematic))
            prior = [TOLERANCE] * edges + ([zero] * free + [GAIN] * free) + ([zero] * driven + [GAIN] * driven)
            self._spread = np.diag(np.array(prior) ** 2)
        if self._learns:
            self._readings += 1
            self._learn(jacobian, residual, variance * (1 + CAUTION / self._readings**4))
        else:
            weighed = jacobian.T / variance
            self._information += weighed @ jacobian
            self._evidence += weighed @ residual

    def compare(self, activation: Array, volts: Array, nudged: Response, nominal: Array) -> None:
        """Compare the measured b of every edge with the model's; do nothing if the physics cannot inject currents.

        Parameters
        ----------
        activation : (I,) array
            Activation as played (V).
        volts : (C,) array
            Voltages of the sensed nodes, measured without error currents (V).
        nudged : Response
            The response with error currents.
        nominal : (E,) array
            Nominal conductances as written (S).
        """
        if not isinstance(self._equilibrium, TakesCurrents):
            return
        siemens = self.conductances(nominal)
        rest = self._states(siemens, activation, volts)
        played = self._played(activation, volts, rest)
        ends = [self.network.nodes.index(each) if each in self.network.nodes else -1 for each in self._ends]
        for measured, current in zip(nudged.b, nudged.error, strict=True):
            pushed = np.zeros(len(rest))
            pushed[list(self.outputs)] = current
            both = self._equilibrium.with_currents(np.tile(played, (2, 1)), np.stack((pushed, -pushed)))
            swing = np.append((both[0] - both[1]) / 2, 0.0)[ends].reshape(-1, 2)
            predicted = swing[:, 0] - swing[:, 1]
            scale = float(np.linalg.norm(predicted))
            if scale > 0:
                self._errors_b.append(float(np.linalg.norm(measured - predicted)) / scale)

    def end_step(self) -> Parting | None:
        """End a step. Return an edge that explains a difference between board and model, unless it was named before."""
        self.steps += 1
        self.misfit_a_v = float(np.sqrt(np.mean(self._errors))) if self._errors else 0.0
        self.misfit_b = float(np.mean(self._errors_b)) if self._errors_b else 0.0
        self.apart = float(np.sqrt(np.mean(self._ratios))) if self._ratios else 0.0
        self._errors, self._errors_b, self._ratios = [], [], []
        if self.fits or self.steps <= LEARNING_STEPS:
            return None
        self._block += 1
        if self._block < BLOCK_STEPS:
            return None
        found = self._parting() if self._information.any() else None
        self._forget()
        return found

    def state(self) -> dict[str, Any]:
        """Return the knowledge of the twin and the evidence so far, as plain values and arrays."""
        return {
            "counts": [self.steps, self._block, self._readings],
            "figures": np.array([self.misfit_a_v, self.misfit_b, self.apart]),
            "deviation": self._state,
            "spread": self._spread if len(self._spread) else None,
            "information": self._information,
            "evidence": self._evidence,
            "errors": self._errors,
            "errors_b": self._errors_b,
            "ratios": self._ratios,
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Continue from the state of a twin of the same network."""
        self.steps, self._block, self._readings = state["counts"]
        self.misfit_a_v, self.misfit_b, *apart = state["figures"].tolist()
        self.apart = apart[0] if apart else 0.0  # not stored by labrig before it judged the model
        self._state, self._information, self._evidence = state["deviation"], state["information"], state["evidence"]
        self._spread = np.zeros((0, 0)) if state["spread"] is None else state["spread"]
        self._errors, self._errors_b = list(state["errors"]), list(state["errors_b"])
        self._ratios = list(state.get("ratios", ()))

    _block: int = 0
    """Steps in the present block."""
    _readings: int = 0

    @property
    def _learns(self) -> bool:
        return self.fits or self.steps < LEARNING_STEPS

    @property
    def _ends(self) -> list[str]:
        return [node for edge in self.network.edges for node in (edge.a, edge.b)]

    def _played(self, activation: Array, volts: Array, states: Array) -> Array:
        """Return the (S,) voltages that the sources must play so that the driven nodes have the measured voltages."""
        played = np.zeros(len(self.network.sources))
        played[list(self.inputs)] = activation
        for source, node in zip(self.inputs, self._driven, strict=True):
            if int(node) in self._column:
                played[source] += volts[self._column[int(node)]] - states[node]
        return played

    def _states(self, siemens: Array, activation: Array, volts: Array) -> Array:
        self._equilibrium.set_parameters(siemens)
        played = np.zeros(len(self.network.sources))
        played[list(self.inputs)] = activation
        first = self._equilibrium.states(played)
        return self._equilibrium.states(self._played(activation, volts, first))

    def _response(self, activation: Array, volts: Array, states: Array) -> Array:
        """(I, N) change of the states per volt of each driven node."""
        played = self._played(activation, volts, states)
        moved = np.tile(played, (len(self.inputs), 1))
        moved[np.arange(len(self.inputs)), list(self.inputs)] += STEP_V
        return (self._equilibrium.states(moved) - self._equilibrium.states(played)) / STEP_V

    def _learn(self, jacobian: Array, residual: Array, variance: Array) -> None:
        """Take one measurement into account, as in recursive least squares."""
        spread = self._spread @ jacobian.T
        gain = np.linalg.solve(jacobian @ spread + np.diag(variance), spread.T).T
        self._state = self._state + gain @ residual
        kept = np.eye(self._all) - gain @ jacobian
        self._spread = kept @ self._spread @ kept.T + (gain * variance) @ gain.T

    def _forget(self) -> None:
        self._information, self._evidence = np.zeros_like(self._information), np.zeros_like(self._evidence)
        self._block = 0

    def _parting(self) -> Parting | None:
        """Test every edge for a change since it was learned."""
        edges = len(self.network.edges)
        information, evidence = self._information, self._evidence
        spread = information @ self._spread @ information + information
        values, vectors = np.linalg.eigh(spread)
        keep = values > 1e-9 * values[-1]
        white = vectors[:, keep] / np.sqrt(values[keep])
        signature, seen = white.T @ information[:, :edges], white.T @ evidence
        strength = np.maximum((signature**2).sum(axis=0), 1e-300)
        along = signature.T @ seen
        change = along / strength
        whole, freedom = float(seen @ seen), len(seen)
        left = np.maximum(whole - along**2 / strength, LEAST_MODEL * freedom)
        evidence_of = freedom * np.log(np.maximum(whole / left, 1.0))
        best, second = (int(k) for k in np.argsort(evidence_of)[::-1][:2]) if len(change) > 1 else (0, 0)
        other = float(evidence_of[second]) if second != best else 0.0
        explained = left[best] <= max(freedom, UNEXPLAINED * whole)
        if evidence_of[best] < NAMED_AT or evidence_of[best] - other < MARGIN or not explained:
            return None
        if abs(change[best]) < LEAST_CHANGE:
            return None
        self._state[best] += change[best]  # this change is known now, so any further evidence is for another edge
        self._spread[best, best] += change[best] ** 2
        return Parting(best, float(change[best]), float(evidence_of[best]), second, float(evidence_of[second]))
