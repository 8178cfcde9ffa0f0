"""Measures gradients and differences at the initial conductances; repeats them while noise hides the verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from labrig.instruments.contracts import Truth
from labrig.learning.gradient import Gradient
from labrig.learning.updates import Update
from labrig.procedures.certify.adjoint import adjoint
from labrig.procedures.certify.bias import LEAST_REPEATS
from labrig.procedures.certify.certificate import Certificate, ExampleCertificate
from labrig.procedures.certify.differences import central_differences, write
from labrig.procedures.certify.verdict import Limit, judge
from labrig.procedures.gamma_sweep import sweep_gamma
from labrig.rig.gradient_probe import GradientProbe

BOUND = 0.01
MOST_REPEATS = 64


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
    progress(f"gradients of {len(examples)} example(s), {least} repeats, up to {most} if noise hides the answer")
    measured = [_repeated(probe, example, least) for example in examples]
    exact = [
        None if truth is None else adjoint(probe, truth, example, gradients[0])
        for example, gradients in zip(examples, measured, strict=True)
    ]
    progress("sweep of the error current")
    sweep = sweep_gamma(probe, examples[0])
    progress(f"differences of the loss: {len(rig.edges)} edges, two step sizes")
    differences = central_differences(probe, update, examples)
    outputs = {wire.output for wire in rig.hookup.outputs}
    null_b_max = max(_null(probe, example) for example in examples)
    certificate = Certificate(
        edges=rig.edges,
        interior=np.array([edge.a not in outputs and edge.b not in outputs for edge in rig.hookup.edges]),
        examples=tuple(
            ExampleCertificate(probe.task.example_name(example), tuple(gradients), difference, reference)
            for example, gradients, difference, reference in zip(examples, measured, differences, exact, strict=True)
        ),
        sweep=sweep,
        null_b_max=null_b_max,
        bound=bound,
        most_repeats=most,
        current_a=probe.carrier.current_a,
        biased_by_harmonics=(
            rig.activation == "sine" and not probe.carrier.sidebands and truth is not None and not truth.linear
        ),
        medium=rig.limits.medium,
        carrier=type(probe.carrier),
    )
    while judge(certificate).limit is Limit.NOISE and certificate.repeats < most:
        more = min(certificate.repeats, most - certificate.repeats)
        progress(f"noise hides the answer: {more} more repeats")
        certificate = replace(
            certificate,
            examples=tuple(
                replace(example, repeats=example.repeats + tuple(_repeated(probe, k, more)))
                for example, k in zip(certificate.examples, examples, strict=True)
            ),
        )
    rig.confirm()
    write(rig, {})
    return certificate


def _null(probe: GradientProbe, example: int) -> float:
    """Largest |b| with the error off; for a second quantity, which has a zero, the largest change between readings."""
    free = probe.measure_free(example)
    if free.second is None or not probe.carrier.quantity:
        return float(np.abs(free.b).max())
    again = probe.measure_free(example).second
    assert again is not None
    return float(np.abs(again.value - free.second.value).max())


def _repeated(probe: GradientProbe, example: int, repeats: int) -> list[Gradient]:
    """Measure the gradient of one example several times; zero where its error is."""
    zero = np.zeros(len(probe.rig.edges))
    found = [probe.gradient(example).gradient for _ in range(repeats)]
    return [Gradient(zero, zero, zero) if gradient is None else gradient for gradient in found]
