"""Likely causes of a wrong gradient of an edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ALIKE = 0.3
"""Two vectors over the examples are alike if they differ by less than this fraction of the larger one. It is large
because the tolerance of the parts enters the differences in full."""

NAMED = 8
"""Largest number of edges that are named."""


@dataclass(frozen=True)
class WrongEdge:
    """An edge that deviates, and why.

    Parameters
    ----------
    name : str
    cause : {'sign', 'swapped', 'no_signal', 'no_response', 'scaled', 'unknown'}
    text : str
        The cause in words.
    other : str or None
        Name of the edge that it is swapped with, if any.
    factor : float or None
        Measured over expected value, if the edge is scaled.
    """

    name: str
    cause: str
    text: str
    other: str | None = None
    factor: float | None = None


def against_gradient(
    names: Sequence[str], wrong: NDArray[np.bool_], measured: Array, reference: Array
) -> list[WrongEdge]:
    """Explain edges whose measured gradient (M, E) deviates from the reference (M, E), the worst ones first."""
    found = []
    for edge in _worst(wrong, measured - reference):
        name, value, expected = names[edge], measured[:, edge], reference[:, edge]
        other = _other(edge, value, reference, wrong, measured)
        if _alike(value, -expected):
            found.append(
                WrongEdge(name, "sign", "the sign is flipped: the drop of the edge has the wrong sign at one tone")
            )
        elif np.linalg.norm(value) < ALIKE / 3 * np.linalg.norm(expected):
            found.append(
                WrongEdge(name, "no_signal", "no signal: the sense wires of its ends may be stuck or disconnected")
            )
        elif other is not None:
            found.append(
                WrongEdge(name, "swapped", f"it has the gradient of {names[other]}: the two are swapped", names[other])
            )
        elif len(value) > 1 and _alike(value, _factor(value, expected) * expected):
            factor = _factor(value, expected)
            text = f"{factor:.3f} times the reference: check the gain of the channels at its ends"
            found.append(WrongEdge(name, "scaled", text, factor=factor))
        else:
            found.append(WrongEdge(name, "unknown", "its gradient deviates more than the uncertainty explains"))
    return found


def against_differences(
    names: Sequence[str], wrong: NDArray[np.bool_], measured: Array, differences: Array
) -> list[WrongEdge]:
    """Explain edges whose differences (M, E) disagree with the measured gradient (M, E), the worst ones first."""
    found = []
    for edge in _worst(wrong, measured - differences):
        name, value, answer = names[edge], measured[:, edge], differences[:, edge]
        other = _other(edge, answer, measured, wrong, differences)
        if np.linalg.norm(answer) < ALIKE / 3 * np.linalg.norm(value):
            text = "no response: the loss does not change when the edge is written (the wiper is stuck or disconnected)"
            found.append(WrongEdge(name, "no_response", text))
        elif _alike(value, -answer):
            text = (
                "the sign is flipped: its conductance falls when it should rise "
                "(wired to the other end of the potentiometer?)"
            )
            found.append(WrongEdge(name, "sign", text))
        elif other is not None:
            text = f"it responds as {names[other]} should: the channels that program the two are swapped"
            found.append(WrongEdge(name, "swapped", text, names[other]))
        else:
            factor = _factor(value, answer)
            text = f"its gradient is {factor:.3g} times the measured change of the loss when the edge is written"
            found.append(WrongEdge(name, "scaled", text, factor=factor))
    return found


def _worst(wrong: NDArray[np.bool_], deviation: Array) -> list[int]:
    size = np.linalg.norm(deviation, axis=0)
    edges = np.flatnonzero(wrong)
    return [int(edge) for edge in edges[np.argsort(-size[edges])]][:NAMED]


def _other(edge: int, value: Array, candidates: Array, wrong: NDArray[np.bool_], back: Array) -> int | None:
    """The edge whose candidate value (M,) matches `value`; None if there is none.

    The best match among wrong edges whose own value in turn matches this edge's candidate (a swap) comes first. If
    there is none, a match is returned only if it is the only one.
    """
    off = np.linalg.norm(candidates - value[:, np.newaxis], axis=0)
    size = np.maximum(np.linalg.norm(candidates, axis=0), np.linalg.norm(value))
    alike = (off < ALIKE * size) & (np.arange(len(off)) != edge)
    if _alike(value, candidates[:, edge]):
        return None
    mutual = [int(k) for k in np.flatnonzero(alike & wrong) if _alike(back[:, k], candidates[:, edge])]
    if mutual:
        return min(mutual, key=lambda k: float(off[k] / size[k]))
    return int(np.flatnonzero(alike)[0]) if np.count_nonzero(alike) == 1 and len(value) > 1 else None


def _alike(a: Array, b: Array) -> bool:
    return bool(np.linalg.norm(a - b) < ALIKE * max(np.linalg.norm(a), np.linalg.norm(b)))


def _factor(value: Array, expected: Array) -> float:
    square = float(expected @ expected)
    return float(value @ expected) / square if square > 0 else float("inf")
