"""A sine as activation of diodes: exact if the error modulates it, biased if the error has a tone of its own."""

from __future__ import annotations

import numpy as np
from common import CONFIGS, Figure, at_least, at_most, in_parallel, seeds, train

from labrig.assembly import assemble

TWO_TONES = ("learning.error.carrier=shared_tone",)
TEN_TIMES = ("learning.error.current=10 µA",)


def _errors(seed: int, overrides: tuple[str, ...]) -> float:
    """Largest relative error of the measured gradient over the four patterns, untrained, 1 V, ideal."""
    assembly = assemble(CONFIGS / "xor_am.yaml", ["simulation.preset=ideal", f"seed={seed}", *overrides])
    setup = assembly.setup()
    with setup.rig as rig:
        update = assembly.update(rig)
        rig.program(update.settings())
        probe, loss, errors = assembly.probe(rig, update), assembly.loss, []
        for example in assembly.task.train:
            target = assembly.task.target[example]
            measured = probe.gradient(int(example)).gradient
            exact = setup.bench.truth.gradient(
                assembly.task.activation[example], lambda outputs, t=target: loss.gradient(outputs, t), tone=True
            )
            assert measured is not None
            errors.append(np.linalg.norm(measured.value - exact) / np.linalg.norm(exact))
    return float(max(errors))


def _solved(seed: int) -> bool:
    metrics = train("xor_am.yaml", seed)
    return metrics["patterns_right"] == 4 and metrics["rms_v"] <= 8e-3


def measure(short: bool) -> list[Figure]:
    boards = seeds("amplitude_modulation boards", 2 if short else 20)
    exact, larger, biased = (
        np.array(in_parallel(_errors, boards, [overrides] * len(boards))) for overrides in ((), TEN_TIMES, TWO_TONES)
    )
    chosen = seeds("amplitude_modulation", 2 if short else 100)
    solved = sum(in_parallel(_solved, chosen))
    goal = 1 if short else 95
    boards_text = f"{len(boards)} boards, 1 V, ideal"
    return [
        at_most(f"{boards_text}: largest relative error to the adjoint", float(exact.max()), 1e-6),
        Figure(
            "the same at ten times the current: growth (γ² would be 100)",
            f"{np.median(larger / exact):.3g}",
            "stated",
            True,
        ),
        at_least("the same with the error at one tone: smallest relative error", float(biased.min()), 0.01, ".3g"),
        Figure("the same: median", f"{np.median(biased):.3g}", "stated", True),
        Figure(
            "XOR with a sine, typical: seeds with four patterns right, rms ≤ 8 mV",
            f"{solved} of {len(chosen)}",
            f"≥ {goal}",
            solved >= goal,
        ),
    ]
