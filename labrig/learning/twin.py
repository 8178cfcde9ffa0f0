"""A model of the board in step with it: what it should read beside what it reads, and which edge is not as it was.

The twin predicts the activation coefficient `a` of every sensed node, and `b`, from the nominal conductances that are
written, and compares. Parts are off by their tolerance, so over its first steps it learns how far each edge is from
nominal (a recursive least-squares fit, the tolerance being the prior). From then on it looks for one edge that changes:
the hypothesis "edge k has changed by δ" is tested for every k against what it does not know about the board and what
zero and gain of the digitizer may add. The inputs are taken as they are read, so that errors of the sources do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from labrig.learning.measurement import Response
from labrig.network.physics import Network, TakesCurrents

Array = NDArray[np.float64]

LEARNING_STEPS = 25
"""Steps in which the twin learns the board before it watches."""
MEMORY_STEPS = 8.0
"""Steps after which older readings count by 1/e."""
TOLERANCE = 0.12
"""Prior standard deviation of a conductance from its nominal value, relative: ± 20 %, uniform."""
MODEL = 2e-4
"""What the model itself may be off by, as a share of the largest voltage."""
NAMED_AT = 30.0
"""Logarithm of the likelihood ratio, twice, at which an edge is named: one in 10⁷ by chance."""
LEAST_CHANGE = 0.02
"""Smallest change that is worth a name, relative."""


@dataclass(frozen=True)
class Parting:
    """An edge at which board and model part.

    Parameters
    ----------
    edge : int
    change : float
        Of its conductance since the twin has learned it, relative.
    evidence : float
        Twice the logarithm of the likelihood ratio to no change.
    second : int
        The edge that explains it next best.
    second_evidence : float
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
    inputs, outputs : sequences of int
        Sources of the network that play the activation, and nodes that get an error.
    nodes : (C,) int array
        The node of each sensed channel.
    fits : bool
        Whether it goes on learning the conductances for the whole run instead of watching.
    """

    network: Network
    inputs: Sequence[int]
    outputs: Sequence[int]
    nodes: NDArray[np.intp]
    fits: bool = False
    steps: int = 0
    deviation: Array = field(init=False)
    """(E,) how far each edge is from its nominal conductance, relative."""
    covariance: Array = field(init=False)
    """(E, E) of it."""
    parted: set[int] = field(default_factory=set[int])
    misfit_a_v: float = 0.0
    """Root mean square of measured − predicted node voltages in the last step (V)."""
    misfit_b: float = 0.0
    """The same of b, relative to its size."""

    def __post_init__(self) -> None:
        edges = len(self.network.edges)
        self._equilibrium = self.network.equilibrium()
        nodes = self.network.nodes
        self._driven = np.array([nodes.index(self.network.sources[k].node) for k in self.inputs], dtype=np.intp)
        self._free = np.array([column for column, node in enumerate(self.nodes) if node not in self._driven])
        self._column = {int(node): column for column, node in enumerate(self.nodes)}
        self.deviation, self.covariance = np.zeros(edges), np.eye(edges) * TOLERANCE**2
        self._information, self._evidence = np.zeros((edges, edges)), np.zeros(edges)
        self._errors: list[float] = []
        self._errors_b: list[float] = []

    def conductances(self, nominal: Array) -> Array:
        """(E,) what the board has, as far as the twin knows, where `nominal` is written (S)."""
        return nominal * (1 + self.deviation)

    def read(self, activation: Array, volts: Array, noise: Array, systematic: Array, nominal: Array) -> None:
        """Compare a measurement without error with the model, and learn from it.

        Parameters
        ----------
        activation : (I,) array
            What was played (V).
        volts, noise, systematic : (C,) arrays
            What was read of every sensed node, and its two uncertainties (V).
        nominal : (E,) array
            What is written (S).
        """
        siemens = np.maximum(self.conductances(nominal), 1e-12)
        states = self._states(siemens, activation, volts)
        residual = (volts - states[self.nodes])[self._free]
        self._errors.append(float(np.mean(residual**2)))
        size = float(np.abs(volts).max())
        by_node = np.zeros((len(self._free), len(states)))
        by_node[np.arange(len(self._free)), self.nodes[self._free]] = 1.0
        jacobian = self._equilibrium.gradient(np.tile(states, (len(self._free), 1)), by_node) * nominal
        shared = systematic[self._free] ** 2 + (MODEL * size) ** 2
        if self._learns:
            self._learn(jacobian, residual, noise[self._free] ** 2 + LEARNING_STEPS * shared)
        else:
            weighed = jacobian.T / (noise[self._free] ** 2 + shared)
            self._information += weighed @ jacobian
            self._evidence += weighed @ residual
            self._weight += 1.0

    def compare(self, activation: Array, volts: Array, nudged: Response, nominal: Array) -> None:
        """Compare b of every edge's drop with the model's, where the physics can push currents into nodes."""
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
        """End a step; the edge at which board and model part, if there is one that was not named yet."""
        self.steps += 1
        self.misfit_a_v = float(np.sqrt(np.mean(self._errors))) if self._errors else 0.0
        self.misfit_b = float(np.mean(self._errors_b)) if self._errors_b else 0.0
        self._errors, self._errors_b = [], []
        if self.fits or self.steps <= LEARNING_STEPS or not self._weight:
            return None
        found = self._parting()
        keep = float(np.exp(-1 / MEMORY_STEPS))
        self._information *= keep
        self._evidence *= keep
        self._weight *= keep
        return found

    _weight: float = 0.0

    @property
    def _learns(self) -> bool:
        return self.fits or self.steps < LEARNING_STEPS

    @property
    def _ends(self) -> list[str]:
        return [node for edge in self.network.edges for node in (edge.a, edge.b)]

    def _played(self, activation: Array, volts: Array, states: Array) -> Array:
        """(S,) what the sources must play for the driven nodes to be as they were read."""
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

    def _learn(self, jacobian: Array, residual: Array, variance: Array) -> None:
        """Take one measurement into account, as in recursive least squares."""
        spread = self.covariance @ jacobian.T
        gain = np.linalg.solve(jacobian @ spread + np.diag(variance), spread.T).T
        self.deviation = self.deviation + gain @ residual
        kept = np.eye(len(self.deviation)) - gain @ jacobian
        self.covariance = kept @ self.covariance @ kept.T + (gain * variance) @ gain.T

    def _parting(self) -> Parting | None:
        """Test every edge for a change. The readings of the memory count as one step: their errors are shared."""
        information, evidence = self._information / self._weight, self._evidence / self._weight
        spread = information @ self.covariance @ information + information
        values, vectors = np.linalg.eigh(spread)
        keep = values > 1e-9 * values[-1]
        white = vectors[:, keep] / np.sqrt(values[keep])
        signature, seen = white.T @ information, white.T @ evidence
        strength = np.maximum((signature**2).sum(axis=0), 1e-300)
        along = signature.T @ seen
        evidence_of = along**2 / strength
        change = along / strength
        best, second = (int(k) for k in np.argsort(evidence_of)[::-1][:2]) if len(change) > 1 else (0, 0)
        if best in self.parted or evidence_of[best] < NAMED_AT or abs(change[best]) < LEAST_CHANGE:
            return None
        self.parted.add(best)
        return Parting(
            best, float(change[best]), float(evidence_of[best]), second, float(evidence_of[second])
        )
