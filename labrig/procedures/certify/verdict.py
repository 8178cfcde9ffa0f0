"""Whether a gradient is right, and if not, what is likely to be wrong or would settle it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from labrig.procedures.certify.bias import Bias, relative_error
from labrig.procedures.certify.causes import WrongEdge, against_differences, against_gradient
from labrig.procedures.certify.certificate import Certificate

EXPLAINED_AT = 3.0
"""A bias up to this many times the stated uncertainty of the instruments may come from them: many edges share an error
of zero or gain, so it does not average."""

MEANINGLESS_AT = 0.5
"""Stated uncertainty of the instruments, relative to the gradient, from which on no edge says anything: it is computed
from readings that are mostly wrong themselves."""

CONFIRMED_SHARE = 0.9
"""Share of the squared gradient on edges that must be seen to change the loss when they are written."""


class Verdict(Enum):
    """Whether a gradient is right."""

    RIGHT = "right"
    WRONG = "wrong"
    UNRESOLVED = "unresolved"


class Limit(Enum):
    """What keeps a certificate from telling."""

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
        Of an unresolved one.
    hints : tuple of str
        Likely causes of a wrong one, or what would resolve an unresolved one.
    wrong_edges : tuple of WrongEdge
        The worst ones first; empty if most of the edges deviate.
    """

    verdict: Verdict
    reason: str
    limit: Limit | None = None
    hints: tuple[str, ...] = ()
    wrong_edges: tuple[WrongEdge, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return its keys of a certificate."""
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
    """Judge by the data: single edges first, then the bias of the whole gradient against the bound."""
    found, bound = certificate.bias, certificate.bound
    if found is None:
        return Judgement(
            Verdict.UNRESOLVED,
            "the reference is zero: these examples have no error",
            Limit.NO_GRADIENT,
            ("choose other --examples, or other initial conductances",),
        )
    if certificate.instruments > MEANINGLESS_AT:
        reason = f"errors that the instruments state may change the gradient by {percent(certificate.instruments)}"
        return Judgement(Verdict.UNRESOLVED, reason, Limit.INSTRUMENTS, _for_instruments(certificate))
    if (certificate.against_reference.wrong | certificate.against_differences.wrong).any():
        return _wrong_by_edges(certificate)
    low, high = found.interval
    if high < bound:
        if certificate.confirmed_share < CONFIRMED_SHARE:
            share = certificate.confirmed_share
            reason = (
                f"the bias is below {bound:.2g}, but differences are too coarse to see that each channel sets its own "
                f"edge: they confirm {share:.0%} of the gradient"
            )
            return Judgement(Verdict.UNRESOLVED, reason, Limit.DIFFERENCES, _for_differences(certificate))
        return Judgement(Verdict.RIGHT, f"the bias is at most {percent(high)}, below the bound of {percent(bound)}")
    between = f"the bias lies between {percent(low)} and {percent(high)}, the bound is {percent(bound)}"
    if low > bound:
        if low <= EXPLAINED_AT * certificate.instruments:
            reason = f"{between}; errors that the instruments state may explain it"
            return Judgement(Verdict.UNRESOLVED, reason, Limit.INSTRUMENTS, _for_instruments(certificate))
        return Judgement(Verdict.WRONG, between, hints=_causes(certificate, found))
    if 2 * certificate.reference_uncertainty >= bound:
        return Judgement(
            Verdict.UNRESOLVED,
            f"finite differences are too coarse to judge a bias of {percent(bound)}: they are uncertain by "
            f"{percent(certificate.reference_uncertainty)}",
            Limit.DIFFERENCES,
            _for_differences(certificate),
        )
    return Judgement(Verdict.UNRESOLVED, between, Limit.NOISE, _for_noise(certificate, found))


def percent(value: float) -> str:
    """Return a share as a percentage with two digits."""
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
        return Judgement(Verdict.WRONG, text, hints=hints)  # a deviation of many that shows in the largest
    return Judgement(Verdict.WRONG, text, wrong_edges=tuple(edges))


def _causes(certificate: Certificate, found: Bias) -> tuple[str, ...]:
    """Likely causes of a deviation of the whole gradient."""
    causes = []
    left = relative_error(certificate.measured.ravel(), found.slope * certificate.reference.ravel())
    if abs(found.slope + 1) < 0.5:
        causes.append("every edge has the wrong sign: check the polarity of the error sources and of the pilot")
    elif abs(found.slope - 1) > max(certificate.bound, np.sqrt(max(0.0, left**2 - found.noise**2))):
        causes.append(
            f"every edge is {found.slope:.3f} times the reference: look at the error current (the gain of its sources, "
            "the series resistance, the transconductance or the actuator in the wiring)"
        )
    if certificate.biased_by_harmonics:
        causes.append(
            "the activation is a tone in a network with diodes: its harmonics bias the gradient whatever the error "
            "current is; use learning.error.carrier: amplitude_modulation, or learning.activation: dc"
        )
    share = certificate.sweep.share_at(certificate.current_a, certificate.examples[0].reference)
    if share > certificate.bound / 2:
        better = certificate.current_a * float(np.sqrt(certificate.bound / (4 * share)))
        causes.append(
            f"the error current is too large: the gradient changes by about {percent(share)} because of it; use at "
            f"most {certificate.error_text(float(f'{better:.1g}'))} ({certificate.error_key})"
        )
    return tuple(causes) or ("no single cause fits: check ranges, wiring and the series resistances of the sources",)


def _for_noise(certificate: Certificate, found: Bias) -> tuple[str, ...]:
    bound, (_, high) = certificate.bound, found.interval
    room = bound**2 - found.estimate**2
    enough = certificate.repeats * (high**2 - found.estimate**2) / room if room > 0 else 4 * certificate.repeats
    needed = max(certificate.repeats + 1, int(np.ceil(enough)))
    return (
        f"--repeats {needed} may do" if needed < 10_000 else "repeats alone will hardly do",
        f"a larger {certificate.error_key} or a longer acquisition.window",
    )


def _for_instruments(certificate: Certificate) -> tuple[str, ...]:
    resolvable = EXPLAINED_AT * certificate.instruments
    return (
        f"the instruments state an uncertainty of {percent(certificate.instruments)} of the gradient: use a converter "
        "with more bits or a smaller range, or calibrate it",
        f"a larger {certificate.error_key}",
        *((f"--bias {100 * resolvable:.2g}% is a bound that they can resolve",) if resolvable < 1 else ()),
    )


def _for_differences(certificate: Certificate) -> tuple[str, ...]:
    parts = {
        "noise and rounding of the outputs: a longer acquisition.window or a converter with more bits": "noise",
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
        hints.append(f"--bias {105 * high:.2g}% is a bound that they can resolve")
    return tuple(hints)
