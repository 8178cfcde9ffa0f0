"""A camera as the digitizer: channels are coordinates, and a position is the average over an exposure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from training.test_media import measured_and_exact

from labrig.assembly import assemble, packaged_configs
from labrig.config.problems import ConfigProblems
from labrig.learning.measurement import Excitation
from labrig.procedures.train import train

CONFIG = "studies/elastic_camera"
FILE = packaged_configs() / f"{CONFIG}.yaml"
EXACT = ("simulation.preset=ideal", "simulation.noise=0 V")


@pytest.mark.parametrize("exposure", ["0 s", "1 ms", "2 ms"])
def test_the_exposure_does_not_scale_the_gradient(exposure: str) -> None:
    """A tone at 200 Hz averaged over 2 ms is read as 76 % of its amplitude."""
    measured, exact = measured_and_exact(CONFIG, *EXACT, f"instruments.cam.exposure={exposure}")
    assert np.linalg.norm(measured.value - exact) < 1e-9 * np.linalg.norm(exact)


def test_the_world_is_really_averaged() -> None:
    """The samples themselves have the amplitude of the average: sinc(f · exposure) of the instantaneous one."""

    def amplitude(exposure: str) -> float:
        assembly = assemble(FILE, [*EXACT, f"instruments.cam.exposure={exposure}", "acquisition.tones=[120 Hz]"])
        with assembly.setup().rig as rig:
            rig.program(assembly.update(rig).settings())
            rig.measure(Excitation(np.array([1e-3]), np.array([[1e-2]])))
            samples = rig.window()[:, rig.hookup.pilot_column]
        times = np.arange(len(samples)) / 500
        return float(2 * abs(np.mean(samples * np.exp(-2j * np.pi * 120 * times))))

    assert amplitude("2 ms") / amplitude("0 s") == pytest.approx(np.sinc(120 * 2e-3), rel=1e-9)


def test_the_stated_uncertainty_includes_what_the_exposure_takes_away() -> None:
    squares = []
    for seed in range(8):
        overrides = [f"seed={seed}", "simulation.source_amplitude=0", "instruments.cam.exposure=2 ms"]
        measured, exact = measured_and_exact(CONFIG, *overrides, "acquisition.tones=[190 Hz]")
        stated = np.hypot(measured.standard_error, measured.systematic)
        squares.append(np.mean(((measured.value - exact) / stated) ** 2))
    assert 0.7 < np.sqrt(np.mean(squares)) < 1.4


@pytest.mark.more
def test_it_is_trained(tmp_path: Path) -> None:
    assembly = assemble(FILE, ["learning.epochs=150", "learning.evaluate.every=0"])
    metrics = train(assembly, run_dir=tmp_path / "run").metrics
    assert metrics["rms_m"] < 1e-3 * 1e-4  # of the distance at the beginning, which is 0.1 mm


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("instruments.cam.exposure=3 ms", "an exposure of 3 ms is longer than a frame, 2 ms"),
        ("acquisition.sample_rate=1 kS/s", "cam samples at 500 S/s at most"),
        ("wiring.pilot.sense=cam/x26", "cam has 54 channels, x0 to x25, y0 to y25, d0 to d1"),
        ("learning.rule=half_squares", "the square of a mean is not the mean of squares"),
        ("learning.error.carrier=amplitude_modulation", "the square of a mean is not the mean of squares"),
    ],
)
def test_what_a_camera_cannot_do_is_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigProblems) as refused:
        assemble(FILE, [override, *(["learning.activation=sine"] if "carrier" in override else [])])
    assert message in str(refused.value)
