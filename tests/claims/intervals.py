"""Stated 95 % intervals contain the truth 95 times in 100: of a, b and the gradient, with fresh errors every time.

The truth is read on a second bench that is the same but for its digitizer, which has no noise, no errors and 31 bits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from common import CONFIGS, Figure, at_most, between, in_parallel, seeds

from labrig.assembly import assemble
from labrig.learning.measurement import Excitation
from labrig.learning.rules.frequency_propagation import product

PERFECT = (
    "simulation.noise=0 V",
    "simulation.digitizer_gain=0",
    "simulation.digitizer_offset=0 V",
    "simulation.flicker=0 V",
    "simulation.common_mode=0 V",
    "simulation.hum={rms: 0 V}",
    "simulation.drift=0 V",
    "simulation.multiplexer=0 F",
    "acquisition.zero={every: 0}",
    "instruments.daq.bits=31",
)
WHITE = ("simulation.preset=ideal", "simulation.noise=100 µV")
ZERO = "acquisition.zero={every: 2}"
ROUNDS = ("simulation.preset=ideal", "simulation.converters=true", "instruments.awg.bits=24")
WIDTH = 1.96
LARGEST_CURRENT_A = 1e-6


def deviations(config: str, overrides: Sequence[str], seed: int, examples: int) -> dict[str, np.ndarray]:
    """Errors of a, b and the gradient (n, 2): the error, and the standard uncertainty that was stated."""
    base = [*overrides, f"seed={seed}"]
    assembly, perfect = assemble(CONFIGS / config, base), assemble(CONFIGS / config, [*base, *PERFECT])
    generator = np.random.default_rng(seed)
    found: dict[str, list[np.ndarray]] = {"a": [], "b": [], "gradient": []}
    with assembly.open_rig() as rig, perfect.open_rig() as judge:
        rig.program(assembly.update(rig).settings())
        judge.program(perfect.update(judge).settings())
        outputs = len(rig.hookup.outputs)
        for _ in range(examples):
            x = assembly.task.activation[generator.integers(len(assembly.task.activation))]
            x = x * generator.uniform(0.5, 1.0)
            error = generator.uniform(-LARGEST_CURRENT_A, LARGEST_CURRENT_A, (rig.error_tones, outputs))
            read, true = [[bench.measure(Excitation(x)), bench.measure(Excitation(x, error))] for bench in (rig, judge)]
            e = -error[0]
            gradient, exact = product(*read, e), product(*true, e)
            found["a"].append(_pairs(read[0].a - true[0].a, np.hypot(read[0].u_a, read[0].systematic_a)))
            found["b"].append(_pairs(read[1].b - true[1].b, np.hypot(read[1].u_b, read[1].systematic_b)))
            found["gradient"].append(_pairs(gradient.value - exact.value, gradient.uncertainty))
    return {name: np.concatenate(rows) for name, rows in found.items()}


def _pairs(error: np.ndarray, u: np.ndarray) -> np.ndarray:
    return np.stack((np.ravel(error), np.ravel(u)), axis=1)


def coverage(pairs: np.ndarray) -> float:
    """Share of errors within 1.96 standard uncertainties (%)."""
    return float(100 * np.mean(np.abs(pairs[:, 0]) <= WIDTH * pairs[:, 1]))


def width(pairs: np.ndarray) -> float:
    """Stated uncertainty over the real error, both rms."""
    return float(np.sqrt(np.mean(pairs[:, 1] ** 2) / np.mean(pairs[:, 0] ** 2)))


def measure(short: bool) -> list[Figure]:
    examples = 60 if short else 1000
    # Gain and zero are left out: they are drawn once for each board, so one board says nothing about their intervals.
    white = [
        ("white noise", WHITE),
        ("common mode of 1 mV", [*WHITE, "simulation.common_mode=1 mV"]),
        ("flicker, zero", [*WHITE, "simulation.flicker=75 µV", ZERO]),
        ("hum of 10 mV", [*WHITE, "simulation.hum={rms: 10 mV, wander: 50 mHz}"]),
        ("hum with harmonics", [*WHITE, "simulation.hum={rms: 10 mV, wander: 50 mHz, harmonics: [0.05, 0.3]}"]),
        ("drift, zero", [*WHITE, "simulation.drift=100 mV", ZERO]),
    ]
    rounding = [
        (
            f"{bits} bits, {microvolts} µV",
            [*ROUNDS, f"instruments.daq.bits={bits}", f"simulation.noise={microvolts} µV"],
        )
        for bits in (8, 12, 16)
        for microvolts in (10, 100, 1000)
    ]
    cases = [(config, *case) for config in ("iris.yaml", "xor.yaml") for case in (*white, *rounding)]
    configs, names, overrides = zip(*cases, strict=True)
    several = seeds("intervals", len(cases))
    # What a moving zero does to successive readings is one story, which takes more of them to tell.
    counts = [3 * examples if short and name.endswith("zero") else examples for name in names]
    results = in_parallel(deviations, configs, overrides, several, counts)
    figures = []
    for config, name, pairs in zip(configs, names, results, strict=True):
        for what, rows in pairs.items():
            covered = coverage(rows)
            says = f"{config.removesuffix('.yaml')}, {name}: {what} within its 95 % interval (%)"
            # Readings between two zeros share an error, and edges at one node share its rounding: in short form few
            # readings count for still fewer. (60 examples with 8 bits: 95.0 % on average over 32 boards, 92.2 to 97.2.)
            shared = 5.0 if name.endswith("zero") else 4.0 if name[0].isdigit() else 2.5
            slack = shared if short else 0.0
            if not name[0].isdigit():
                figures.append(between(says, covered, 93 - slack, 97 + slack))
            else:
                figures.append(between(says, covered, 93 - slack, 100))
        if name[0].isdigit():
            widest = max(width(rows) for rows in pairs.values())
            says = f"{config.removesuffix('.yaml')}, {name}: stated over real error"
            if config == "xor.yaml" and name.startswith("8 bits"):
                # Most tones of this board are far below a step, where no reading says how large they are.
                figures.append(Figure(says, f"{widest:.3g}", "stated (> 2)", True))
            else:
                figures.append(at_most(says, widest, 2.4 if short else 2.0))
    return figures
