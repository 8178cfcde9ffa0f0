"""Measures gradients and differences at the initial conductances; repeats them while noise hides the verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from labrig.instruments.contracts import Truth
from labrig.learning.gradient import Gradient
from labrig.learning.updates import Update
from labrig.procedures.certify.adjoint import Adjoint, adjoint, exact_gradient
from labrig.procedures.certify.bias import LEAST_REPEATS
from labrig.procedures.certify.certificate import Certificate, ExampleCertificate
from labrig.procedures.certify.differences import central_differences, write
from labrig.procedures.certify.verdict import Limit, judge
from labrig.procedures.gamma_sweep import sweep_gamma
from labrig.rig.gradient_probe import GradientProbe
from labrig.runs.units import counted

BOUND = 0.01
MOST_REPEATS = 64


@dataclass(frozen=True)
class _Series:
    """Measured gradients of one example, and the mean of the exact ones at these times, because some boards drift."""

    measured: tuple[Gradient, ...]
    exact: Adjoint | None


NOTHING = _Series((), None)


def certify(
    probe: GradientProbe,
    update: Update,
    truth: Truth | None,
    examples: Sequence[int],
    repeats: int = LEAST_REPEATS,
    bound: float = BOUND,
    progress: Callable[[str], None] = lambda message: None,
) -> Certificate:
    """Certify the gradient of an open rig at the initial conductances.

    Parameters
    ----------
    probe : GradientProbe
        Measures gradients and losses.
    update : Update
        Supplies the initial conductances.
    truth : Truth or None
        The exact gradient of a simulated bench; None to compare with differences alone.
    examples : sequence of int
        Indices into the task.
    repeats : int
        Measurements of each example, at least 4. The number is doubled while noise hides the verdict, up to 64.
    bound : float
        Largest relative bias that counts as right.
    progress : callable
        Called with a line of text before each part of the procedure.

    Raises
    ------
    ChannelFault
        If a channel does not keep its value or settings are lost.
    """
    rig = probe.rig
    write(rig, update.settings())
    least = max(LEAST_REPEATS, repeats)
    most = max(MOST_REPEATS, least)
    each = f"{least} repeats, up to {most} if noise hides the answer"
    progress(f"gradients of {counted(len(examples), 'example')}, {each}")
    series = [_series(probe, truth, example, least) for example in examples]
    progress("sweep of the error current")
    sweep = sweep_gamma(probe, examples[0])
    progress(f"differences of the loss: {counted(len(rig.edges), 'edge')}, two step sizes")
    differences = central_differences(probe, update, examples)
    outputs = {wire.output for wire in rig.hookup.outputs}
    null_b_max = max(_null(probe, example) for example in examples)
    certificate = Certificate(
        edges=rig.edges,
        interior=np.array([edge.a not in outputs and edge.b not in outputs for edge in rig.hookup.edges]),
        examples=tuple(
            ExampleCertificate(probe.task.example_name(example), each.measured, difference, each.exact)
            for example, each, difference in zip(examples, series, differences, strict=True)
        ),
        sweep=sweep,
        null_b_max=null_b_max,
        bound=bound,
        most_repeats=most,
        current_a=probe.carrier.current_a,
        largest_a=rig.largest_error_a,
        biased_by_harmonics=(
            rig.activation == "sine" and not probe.carrier.sidebands and truth is not None and not truth.linear
        ),
        medium=rig.limits.medium,
        carrier=type(probe.carrier),
    )
    while judge(certificate).limit is Limit.NOISE and certificate.repeats < most:
        more = min(certificate.repeats, most - certificate.repeats)
        progress(f"noise hides the answer: {more} more repeats")
        series = [_series(probe, truth, k, more, each) for each, k in zip(series, examples, strict=True)]
        certificate = replace(
            certificate,
            examples=tuple(
                replace(example, repeats=each.measured, adjoint=each.exact)
                for example, each in zip(certificate.examples, series, strict=True)
            ),
        )
    rig.confirm()
    write(rig, {})
    return certificate


def _null(probe: GradientProbe, example: int) -> float:
    """Largest |b| with the error off; for a second quantity, whose zero is off, the largest change between readings."""
    free = probe.measure_free(example)
    if free.second is None or not probe.carrier.quantity:
        return float(np.abs(free.b).max())
    again = probe.measure_free(example).second
    assert again is not None
    return float(np.abs(again.value - free.second.value).max())


def _series(
    probe: GradientProbe, truth: Truth | None, example: int, repeats: int, before: _Series = NOTHING
) -> _Series:
    """Measure the gradient of one example `repeats` more times; it is zero if the example has no error."""
    zero = np.zeros(len(probe.rig.edges))
    measured, exact = list(before.measured), before.exact
    for _ in range(repeats):
        gradient = probe.gradient(example).gradient
        measured.append(Gradient(zero, zero, zero) if gradient is None else gradient)
        if truth is not None and exact is None:
            exact = adjoint(probe, truth, example, measured[0])
        elif truth is not None and exact is not None:
            change = exact_gradient(probe, truth, example) - exact.value
            exact = replace(exact, value=exact.value + change / len(measured))
    return _Series(tuple(measured), exact)
