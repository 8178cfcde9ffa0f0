"""A tone as the activation of a network that distorts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labrig.assembly.expected import Expected

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly
    from labrig.assembly.concerns import Warnings

PHASES = 64
SHARE = 0.45
"""Bias of the gradient over the largest ratio of third harmonic to fundamental: 0.4 to 0.5 on boards with diodes."""

SMALL = 1e-3


def sine_with_diodes(assembly: Assembly) -> Warnings:
    """Warn of the bias of frequency propagation if the activation is a tone and the network is nonlinear."""
    exact = assembly.learning.activation != "sine" or assembly.learning_choice.carrier_class.sidebands
    if exact or assembly.board.network.linear:
        return
    expected = Expected(assembly)
    turn = np.cos(2 * np.pi * np.arange(PHASES) / PHASES)
    harmonics = np.stack([np.exp(2j * np.pi * k * np.arange(PHASES) / PHASES) for k in (1, 3)])
    worst = 0.0
    for example in expected.examples[:8]:
        states = expected.states(turn[:, np.newaxis] * assembly.task.activation[example])
        first, third = np.abs(harmonics @ states)
        seen = first > 1e-3 * first.max()
        worst = max(worst, float((third[seen] / first[seen]).max()))
    if SHARE * worst > SMALL:
        yield (
            ("learning", "activation"),
            f"the nonlinear parts distort the activation tone: its third harmonic reaches {100 * worst:.2g} % of it, "
            f"so gradients are about {100 * SHARE * worst:.1g} % off, whatever the error current is; use "
            "'error: {carrier: amplitude_modulation}', 'activation: dc', or smaller drives",
        )
