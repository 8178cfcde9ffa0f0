"""The truth that only a simulation knows: the solver's solution for the present state of the board."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from labrig.network.physics import Equilibrium
from labrig.simulation.world import World

Array = NDArray[np.float64]

PERIOD_SAMPLES = 256
"""Samples per period of the activation in the exact gradient: enough for more harmonics than diodes produce."""

_COSINE = np.cos(2 * np.pi * np.arange(PERIOD_SAMPLES) / PERIOD_SAMPLES)


class SimulatedTruth:
    """The exact state of the simulated board (see the Truth protocol).

    Parameters
    ----------
    world : World
        The board.
    now : callable
        Returns the time on the bench's clock (s).
    inputs : tuple of str
        Source channels ("awg/0") of the inputs.
    outputs : tuple of str
        Nodes of the outputs.
    compensated : mapping
        Gain and offset (V) that a calibration record compensates in the programs of each source channel ("awg/0").
    """

    def __init__(
        self,
        world: World,
        now: Callable[[], float],
        inputs: tuple[str, ...],
        outputs: tuple[str, ...],
        compensated: Mapping[str, tuple[float, float]] = MappingProxyType({}),
    ) -> None:
        self._world = world
        self._gain, self._offset_v = np.array([compensated.get(label, (1.0, 0.0)) for label in inputs]).reshape(-1, 2).T
        self._now = now
        self._inputs = inputs
        self._volts = np.array([world.wiring.volts_per_drive.get(label, 1.0) for label in inputs])
        self._outputs = [world.network.nodes.index(node) for node in outputs]

    @property
    def linear(self) -> bool:
        """Whether superposition holds."""
        return self._world.network.linear

    @property
    def acquisitions(self) -> int:
        """Number of acquisitions of all digitizers so far."""
        return self._world.acquisitions

    def conductances(self) -> Array:
        """Return the (E,) actual conductances now (S)."""
        return self._world.conductances(self._now()).copy()

    def as_played(self, activation: Array) -> Array:
        """Return the (I,) voltages that the inputs actually play for voltages or amplitudes `activation` (I,) (V)."""
        return activation * [self._world.gains[label] for label in self._inputs] / self._gain

    def outputs(self, activation: Array, tone: bool = False) -> Array:
        """Return the (O,) output voltages (or amplitudes at the tone) for inputs `activation` (I,) (V)."""
        _, voltages = self._period(activation, tone)
        return self._reference(tone) @ voltages[:, self._outputs]

    def outputs_of_all(self, activation: Array, tone: bool = False) -> Array:
        """Return the (M, O) outputs for M examples (M, I), as `outputs` does for one example."""
        if tone:
            return np.array([self.outputs(row, tone) for row in activation])
        _, voltages = self._world.static(self._played(activation), self._now())
        return voltages[:, self._outputs]

    def gradient(self, activation: Array, loss_gradient: Callable[[Array], Array], tone: bool = False) -> Array:
        """Return the (E,) exact ∂C/∂θ for the inputs `activation` (I,), from ∂C/∂v_o of the outputs (O,).

        With a tone, V_o = (2/T) ∫ v_o cos ωt dt is the amplitude of an output, so ∂C/∂θ is the mean over the period of
        the adjoint gradients for 2 cos ωt · ∂C/∂V_o, each at the state at time t. This holds for a network without
        memory, whose nodes follow their sources instantly.
        """
        solver, voltages = self._period(activation, tone)
        weights = self._reference(tone)
        by_output = loss_gradient(weights @ voltages[:, self._outputs])
        if not tone:
            by_node = np.zeros(voltages.shape[1])
            by_node[self._outputs] = by_output
            return solver.gradient(voltages[0], by_node)
        by_node = np.zeros(voltages.shape)
        by_node[:, self._outputs] = np.outer(weights, by_output)
        return solver.gradient(voltages, by_node).sum(axis=0)

    def _period(self, activation: Array, tone: bool) -> tuple[Equilibrium, Array]:
        """Return the solver and the node voltages (T, N) over one period of the tone; T is 1 for constant inputs."""
        played = np.outer(_COSINE if tone else np.ones(1), activation)
        return self._world.static(self._played(played), self._now())

    def _played(self, activation: Array) -> dict[str, Array]:
        """Return the voltages that each input's channel plays (V) for activations (M, I)."""
        volts = (activation * self._volts - self._offset_v) / self._gain
        return dict(zip(self._inputs, volts.T, strict=True))

    @staticmethod
    def _reference(tone: bool) -> Array:
        """Return the (T,) weights with which the samples of a period enter the outputs."""
        return 2.0 / PERIOD_SAMPLES * _COSINE if tone else np.ones(1)
