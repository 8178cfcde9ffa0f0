"""The board of a configuration with nominal parts and no imperfections: outputs, loss and exact gradient of a task."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labrig.assembly import Assembly
from labrig.instruments.data import scaled_levels
from labrig.learning.measurement import OutputReadings
from labrig.learning.scores import scores
from labrig.learning.updates import within
from labrig.learning.updates.ladder import at, ends, nearest, stacked

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

PERIOD_SAMPLES = 64
"""Samples per period of a sine activation; odd harmonics up to the 61st do not alias onto the tone."""


class Model:
    """The network of a configuration as its file describes it; no instrument is used.

    Attributes
    ----------
    low, high : (E,) arrays
        Lowest and highest conductance that each edge can realize within the range (S).
    """

    def __init__(self, assembly: Assembly) -> None:
        network, hookup = assembly.board.network, assembly.board.hookup
        self.task, self.loss = assembly.task, assembly.loss
        self._equilibrium = network.equilibrium()
        place = {source.node: row for row, source in enumerate(network.sources)}
        self._inputs = [place[wire.node] for wire in hookup.inputs]
        self._sources = len(network.sources)
        self._outputs = [network.nodes.index(wire.output) for wire in hookup.outputs]
        self._volts = hookup.volts_per_drive
        programmable = assembly.network.programmable.range
        parts = {name: assembly.devices[name].programmer.part.levels() for name in hookup.programmers}
        kinds = {(wire.device, wire.per_siemens) for wire in hookup.edges}
        inside = {kind: within(scaled_levels(parts[kind[0]], kind[1]), *programmable) for kind in kinds}
        levels = [inside[wire.device, wire.per_siemens] for wire in hookup.edges]
        self.low, self.high = ends(levels)
        self._ladder = stacked(levels)
        tone = assembly.learning.activation == "sine" and not network.linear  # a linear one scales with its inputs
        self._wave = np.cos(2 * np.pi * np.arange(PERIOD_SAMPLES) / PERIOD_SAMPLES) if tone else np.ones(1)
        self._weights = 2.0 / PERIOD_SAMPLES * self._wave if tone else np.ones(1)

    def outputs(self, siemens: Array, activation: Array) -> Array:
        """Return the (M, O) outputs (V), or their amplitudes, for inputs (M, I) at conductances (E,)."""
        return self._read(self._states(siemens, activation), len(activation))

    def loss_and_gradient(self, siemens: Array, examples: Indices) -> tuple[float, Array, Array]:
        """Return the mean loss of examples, its gradient (E,) (loss's unit per siemens), and the outputs (M, O)."""
        states = self._states(siemens, self.task.activation[examples])
        outputs, targets = self._read(states, len(examples)), self.task.target[examples]
        value = float(np.mean([self.loss.value(*pair) for pair in zip(outputs, targets, strict=True)]))
        by_output = np.array([self.loss.gradient(*pair) for pair in zip(outputs, targets, strict=True)])
        by_node = np.zeros((len(examples), len(self._weights), states.shape[-1]))
        by_node[:, :, self._outputs] = by_output[:, None, :] * self._weights[None, :, None]
        gradient = self._equilibrium.gradient(states, by_node.reshape(states.shape)).sum(axis=0)
        return value, gradient / len(examples), outputs

    def scores(self, siemens: Array) -> dict[str, float]:
        """Return the metrics of an evaluation at conductances (E,), for the training and the test examples."""
        examples = np.concatenate((self.task.train, self.task.test))
        volts = self.outputs(siemens, self.task.activation[examples])
        exact = np.zeros_like(volts)
        return scores(self.task, self.loss, OutputReadings(examples, volts, exact, exact))

    def rounded(self, siemens: Array) -> Array | None:
        """Return the nearest conductances (E,) that the parts can realize; None if the parts are continuous."""
        return None if self._ladder is None else at(self._ladder, nearest(self._ladder, siemens))

    def _states(self, siemens: Array, activation: Array) -> Array:
        """(M·T, N) states over one period, example by example; T is 1 for constant inputs."""
        self._equilibrium.set_parameters(siemens)
        played = np.zeros((len(activation), len(self._wave), self._sources))
        played[:, :, self._inputs] = (activation * self._volts)[:, None, :] * self._wave[None, :, None]
        return self._equilibrium.states(played.reshape(-1, self._sources))

    def _read(self, states: Array, examples: int) -> Array:
        volts = states[:, self._outputs].reshape(examples, len(self._weights), -1)
        return np.einsum("t,mto->mo", self._weights, volts)
