"""The noise budget against what the lock-in states on the bench, and against boards built so that one term limits."""

from __future__ import annotations

import numpy as np
from common import CONFIGS, Figure, at_least, in_parallel, seeds

from labrig.assembly import Assembly, assemble
from labrig.assembly.expected import Expected
from labrig.learning.measurement import Excitation
from labrig.procedures.budget import budget

SETTLED = "acquisition.settle=1 ms"
"""Longer than `auto`, so that no channel that is sampled early shows the previous drive."""

REPEATS = 4
"""Number of times that every example is measured: the noise that a single acquisition states scatters by 1 dB."""

LIMITED = {
    "noise of b": ["simulation.noise=10 mV", "simulation.digitizer_gain=0", "simulation.source_amplitude=0"],
    "zero": ["simulation.digitizer_offset=20 mV"],
    "gain": ["simulation.digitizer_gain=0.05"],
    "settling": [
        "acquisition.cable=47 nF",
        "acquisition.settle=400 µs",
        "acquisition.window=10 ms",
        "acquisition.band=[100 Hz, 150 Hz]",
        "acquisition.mains=none",
    ],
    "bandwidth": ["acquisition.cable=20 nF", "acquisition.settle=5 ms"],
    "multiplexer": ["instruments.daq.convert_interval=1 µs"],
    "pickup": ["simulation.pickup=0.001"],
    "levels": ["learning.rate=0.001"],
}
"""What makes each term the limit of Iris, on `typical` with node capacitance."""


def differences_db(overrides: list[str], response: tuple[str, ...] = ()) -> tuple[np.ndarray, np.ndarray]:
    """Measured over predicted signal-to-noise ratio of a and of b for every edge (dB); 0 where both are infinite.

    `response`: more overrides for the bench on which a and b are measured; their noise is always that of `overrides`.
    """
    assembly = assemble(CONFIGS / "iris.yaml", overrides)
    predicted = budget(assembly)
    rms_a, rms_b, noise_a, noise_b = _measured(assembly)
    if response:
        rms_a, rms_b, *_ = _measured(assemble(CONFIGS / "iris.yaml", [*overrides, *response]))
    found = []
    for rms, noise, snr in ((rms_a, noise_a, predicted.snr_a), (rms_b, noise_b, predicted.snr_b)):
        ratio = np.where(np.isinf(snr), 1.0 if (noise < 1e-12).all() else np.inf, rms / np.maximum(noise, 1e-30) / snr)
        found.append(20 * np.log10(ratio))
    return found[0], found[1]


def _measured(assembly: Assembly) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """a and b of every edge, rms over examples, b for the output that moves it most, and their stated noise (V)."""
    a, b, u_a, u_b = [], [], [], []
    with assembly.open_rig() as rig:
        rig.program(assembly.update(rig).settings())
        outputs = len(rig.hookup.outputs)
        examples = Expected(assembly).examples
        for x in np.tile(assembly.task.activation[examples], (REPEATS, 1)):
            for output in range(outputs):
                error = np.zeros((rig.error_tones, outputs))
                error[0, output] = assembly.learning.error.largest
                response = rig.measure(Excitation(x, error=error))
                a.append(response.a)
                u_a.append(response.u_a)
                b.append(response.b[0])
                u_b.append(response.u_b[0])
    by_output = np.array(b).reshape(-1, outputs, len(rig.edges))
    rms_a, rms_b = np.sqrt(np.mean(np.square(a), axis=0)), np.sqrt(np.mean(by_output**2, axis=0)).max(axis=0)
    # Medians, because the fit of hum in a single cycle sometimes states a large error.
    return rms_a, rms_b, np.median(u_a, axis=0), np.median(u_b, axis=0)


def drawn(seed: int) -> list[str]:
    """Conditions that nobody chose."""
    random = np.random.default_rng(seed)
    rate = random.choice([20, 50, 100])
    return [
        f"seed={seed}",
        f"simulation.noise={np.exp(random.uniform(np.log(50), np.log(2000))):.0f} µV",
        f"learning.error.current={np.exp(random.uniform(np.log(300), np.log(3000))):.0f} nA",
        f"acquisition.sample_rate={rate} kS/s",
        f"acquisition.window={random.choice([20, 40, 100])} ms",
        f"instruments.daq.bits={random.choice([14, 16, 18])}",
        SETTLED,
    ]


def limiting(overrides: list[str]) -> str:
    assembly = assemble(CONFIGS / "iris.yaml", ["simulation.node_capacitance=true", *overrides])
    return budget(assembly).limit[0]


def share(differences: list[tuple[np.ndarray, np.ndarray]]) -> float:
    return float(np.mean([np.abs(each) <= 1.0 for pair in differences for each in pair]))


def measure(short: bool) -> list[Figure]:
    presets = [[f"simulation.preset={name}", SETTLED] for name in ("ideal", "typical", "harsh")]
    random = [drawn(seed) for seed in seeds("budget", 2 if short else 10)]
    figures = [
        at_least(
            "SNR of a and b within 1 dB, ideal and typical", share(in_parallel(differences_db, presets[:2])), 0.95
        ),
        # Two configurations alone may have a few edges just outside: 55 of 60 was seen.
        at_least(
            f"the same, {len(random)} drawn at random",
            share(in_parallel(differences_db, random)),
            0.8 if short else 0.95,
        ),
    ]
    if not short:
        # Pickup is in phase with the tone, so it is neither noise nor response, but a term of its own: the response is
        # measured on the same bench without it.
        harsh = [[*presets[2], f"seed={seed}"] for seed in seeds("budget harsh", 16)]
        within = share(in_parallel(differences_db, harsh, [("simulation.pickup=0",)] * len(harsh)))
        figures.append(at_least(f"the same, {len(harsh)} harsh boards", within, 0.95))
        within = share(in_parallel(differences_db, harsh))
        figures.append(Figure("the same, pickup counted as response", f"{within:.2f}", "stated", True))
    found = in_parallel(limiting, list(LIMITED.values()))
    right = sum(name == each for name, each in zip(LIMITED, found, strict=True))
    figures.append(at_least(f"limiting term right, of {len(LIMITED)}", right, len(LIMITED), "d"))
    return figures
