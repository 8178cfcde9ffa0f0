"""Whether a gradient is right; the likely causes if it is wrong, and how to resolve the verdict if it is unresolved."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from labrig.procedures.certify.bias import Bias, relative_error
from labrig.procedures.certify.causes import WrongEdge, against_differences, against_gradient
from labrig.procedures.certify.certificate import Certificate

EXPLAINED_AT = 3.0
"""A bias up to this many times the stated uncertainty of the instruments may come from them: an error of zero or gain
is common to many edges, so it does not average out."""

MEANINGLESS_AT = 0.5
"""Stated uncertainty of the instruments, relative to the gradient, above which nothing can be said about any edge: the
uncertainty itself is then computed from readings that are mostly wrong."""

CONFIRMED_SHARE = 0.9
"""Fraction of the squared gradient that must lie on confirmed edges, which changed the loss when written."""


class Verdict(Enum):
    """Whether a gradient is right."""

    RIGHT = "right"
    WRONG = "wrong"
    UNRESOLVED = "unresolved"


class Limit(Enum):
    """Reason why a verdict is unresolved."""

    NOISE = "noise"
    INSTRUMENTS = "instruments"
    DIFFERENCES = "differences"
    NO_GRADIENT = "no_gradient"


@dataclass(frozen=True)
class Judgement:
    """A verdict and its reasons.

    Parameters
    ----------
    verdict : Verdict
    reason : str
        One sentence.
    limit : Limit or None
        Reason why the verdict is unresolved; None if it is resolved.
    hints : tuple of str
        Likely causes of a wrong gradient, or ways to resolve an unresolved verdict.
    wrong_edges : tuple of WrongEdge
        The worst edges first; empty if many edges deviate.
    """

    verdict: Verdict
    reason: str
    limit: Limit | None = None
    hints: tuple[str, ...] = ()
    wrong_edges: tuple[WrongEdge, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the keys that a judgement adds to the JSON of a certificate."""
        return {
            "verdict": self.verdict.value,
            "passed": self.verdict is Verdict.RIGHT,
            "reason": self.reason,
            "limit": None if self.limit is None else self.limit.value,
            "hints": list(self.hints),
            "wrong_edges": [
                {"name": edge.name, "cause": edge.cause, "text": edge.text, "other": edge.other, "factor": edge.factor}
                for edge in self.wrong_edges
            ],
        }


def judge(certificate: Certificate) -> Judgement:
    """Judge a certificate: single edges first, then the bias of the whole gradient against the bound."""
    found, bound = certificate.bias, certificate.bound
    if found is None:
        return Judgement(
            Verdict.UNRESOLVED,
            "the reference gradient is zero: these examples have no error",
            Limit.NO_GRADIENT,
            ("choose other --examples, or other initial conductances",),
        )
    if certificate.instruments > MEANINGLESS_AT:
        reason = f"stated instrument errors may change the gradient by {percent(certificate.instruments)}"
        return Judgement(Verdict.UNRESOLVED, reason, Limit.INSTRUMENTS, _for_instruments(certificate))
    if (certificate.against_reference.wrong | certificate.against_differences.wrong).any():
        return _wrong_by_edges(certificate)
    low, high = found.interval
    if high < bound:
        if certificate.confirmed_share < CONFIRMED_SHARE:
            share = certificate.confirmed_share
            reason = (
                f"the bias is below {bound:.2g}, but differences are too coarse to show that each channel sets its own "
                f"edge: they confirm {100 * share:.0f} % of the gradient"
            )
            return Judgement(Verdict.UNRESOLVED, reason, Limit.DIFFERENCES, _for_differences(certificate))
        return Judgement(Verdict.RIGHT, f"the bias is at most {percent(high)}, below the bound of {percent(bound)}")
    ends = percent(low), percent(high)
    lies = f"lies between {ends[0]} and {ends[1]}" if ends[0] != ends[1] else f"is {ends[0]}"
    between = f"the bias {lies}, and the bound is {percent(bound)}"
    if low > bound:
        if low <= EXPLAINED_AT * certificate.instruments:
            reason = f"{between}; stated instrument errors may explain it"
            return Judgement(Verdict.UNRESOLVED, reason, Limit.INSTRUMENTS, _for_instruments(certificate))
        return Judgement(Verdict.WRONG, between, hints=_causes(certificate, found))
    if 2 * certificate.reference_uncertainty >= bound:
        return Judgement(
            Verdict.UNRESOLVED,
            f"finite differences are too coarse to judge a bias of {percent(bound)}: their uncertainty is "
            f"{percent(certificate.reference_uncertainty)}",
            Limit.DIFFERENCES,
            _for_differences(certificate),
        )
    return Judgement(Verdict.UNRESOLVED, between, Limit.NOISE, _for_noise(certificate, found))


def percent(value: float) -> str:
    """Return a fraction as a percentage with two digits."""
    return f"{100 * value:.2g} %" if abs(value) < 1 else f"{100 * value:.0f} %"


def _wrong_by_edges(certificate: Certificate) -> Judgement:
    names = certificate.edges
    by_reference, by_differences = certificate.against_reference.wrong, certificate.against_differences.wrong
    deviating = by_reference | by_differences
    count = int(deviating.sum())
    text = f"{count} of {len(names)} edges deviate more than their uncertainty explains"
    assert certificate.bias is not None
    hints = _causes(certificate, certificate.bias)
    if count > max(2, len(names) // 4):
        return Judgement(Verdict.WRONG, text, hints=hints)
    edges = []
    if certificate.exact:
        edges = against_gradient(names, by_reference, certificate.measured, certificate.factor * certificate.reference)
        by_differences = by_differences & ~by_reference
    edges += against_differences(names, by_differences, certificate.measured, certificate.differences)
    if count > 2 and all(edge.cause in ("scaled", "unknown") for edge in edges):
        return Judgement(Verdict.WRONG, text, hints=hints)  # many edges deviate; only the largest show it
    return Judgement(Verdict.WRONG, text, wrong_edges=tuple(edges))


def _causes(certificate: Certificate, found: Bias) -> tuple[str, ...]:
    """Likely causes for a deviation of the whole gradient."""
    causes = []
    left = relative_error(certificate.measured.ravel(), found.slope * certificate.reference.ravel())
    if abs(found.slope + 1) < 0.5:
        causes.append("every edge has the wrong sign: check the polarity of the error sources and of the pilot")
    elif abs(found.slope - 1) > max(certificate.bound, np.sqrt(max(0.0, left**2 - found.noise**2))):
        causes.append(
            f"every edge is {found.slope:.3f} times the reference: check the error current (the gain of its sources, "
            "and the series resistance, the transconductance or the actuator in the wiring)"
        )
    if certificate.biased_by_harmonics:
        causes.append(
            "the activation is a tone in a network with diodes: its harmonics bias the gradient whatever the error "
            "current is; use learning.error.carrier: amplitude_modulation, or learning.activation: dc"
        )
    share = _share(certificate)
    if share > certificate.bound / 2:
        causes.append(
            f"the error current is too large: it changes the gradient by about {percent(share)}; use at most "
            f"{certificate.error_text(_harmless(certificate))} ({certificate.error_key})"
        )
    if not causes and certificate.exact and not certificate.against_reference.wrong.any():
        causes.append(
            "the gradient is that of the board, but settings change the measured loss by other amounts: check the "
            "levels of the parts with `labrig calibrate`, their order with `labrig selftest`, and that a loss of your "
            "own has the slope that it states"
        )
    return tuple(causes) or (
        "no single cause fits: check the ranges, and the wiring and the series resistances with `labrig selftest`",
    )


def _share(certificate: Certificate) -> float:
    """Return the relative amount by which the configured error current changes the gradient of the first example."""
    return certificate.sweep.share_at(certificate.current_a, certificate.examples[0].reference)


def _harmless(certificate: Certificate) -> float:
    """Return the error current (A) that changes the gradient by a quarter of the bound; inf if no change is known."""
    share = _share(certificate)
    better = certificate.current_a * float(np.sqrt(certificate.bound / (4 * share))) if share > 0 else np.inf
    return float(f"{better:.1g}")


def _larger_current(certificate: Certificate, factor: float) -> tuple[str, ...]:
    """Return the advice to use a larger error current: `factor` times as large, or as large as it may be.

    The relative contributions of noise, zero and rounding of b fall in proportion to the current.
    """
    key, now = certificate.error_key, certificate.current_a
    harmless, possible = _harmless(certificate), certificate.largest_a
    most = min(harmless, possible)
    if factor * now <= most:
        return (f"use a larger {key}: {certificate.error_text(float(f'{factor * now:.2g}'))} may be enough",)
    why = (
        "beyond it nonlinear parts bias the gradient"
        if harmless < possible
        else "the sources, or limits.node, allow no more"
    )
    if most < 1.2 * now:
        return ()
    return (f"use a larger {key}, up to {certificate.error_text(float(f'{most:.2g}'))}: {why}",)


def _for_noise(certificate: Certificate, found: Bias) -> tuple[str, ...]:
    bound, (_, high) = certificate.bound, found.interval
    room = bound**2 - found.estimate**2
    enough = certificate.repeats * (high**2 - found.estimate**2) / room if room > 0 else 4 * certificate.repeats
    needed = max(certificate.repeats + 1, int(np.ceil(enough)))
    return (
        f"try --repeats {needed}" if needed < 10_000 else "more repeats alone are unlikely to settle it",
        *_larger_current(certificate, float(np.sqrt(needed / certificate.repeats))),
        "use a longer acquisition.window",
    )


def _for_instruments(certificate: Certificate) -> tuple[str, ...]:
    resolvable = EXPLAINED_AT * certificate.instruments
    return (
        f"the instruments state an uncertainty of {percent(certificate.instruments)} of the gradient: use a converter "
        "with more bits or a smaller range, or calibrate it",
        *_larger_current(certificate, certificate.instruments / certificate.bound),
        *((f"these instruments can resolve a bound of --bias {100 * resolvable:.2g}%",) if resolvable < 1 else ()),
    )


def _for_differences(certificate: Certificate) -> tuple[str, ...]:
    parts = {
        "noise and rounding of the outputs: use a longer acquisition.window or a converter with more bits": "noise",
        "the curvature of the loss between the levels": "truncation",
        "the tolerance of the parts: calibrate their levels": "tolerance",
    }
    sizes = {
        text: float(np.linalg.norm([getattr(example.differences, name) for example in certificate.examples]))
        for text, name in parts.items()
    }
    hints = [f"the differences are limited by {max(sizes, key=lambda text: sizes[text])}"]
    high = 1.0 if certificate.bias is None else certificate.bias.interval[1]
    if not certificate.exact and 1.05 * high < 1:
        hints.append(f"the differences can resolve a bound of --bias {105 * high:.2g}%")
    return tuple(hints)
