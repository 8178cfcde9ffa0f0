"""What comes with labrig, before its own judges: `selftest` finds no fault, and `certify` nothing wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from common import CONFIGS, Figure, in_parallel, seeds

HEALTHY, RIGHT, USAGE, UNRESOLVED = 0, 0, 2, 8
"""Exit codes; `selftest` takes only boards of resistors and diodes, and says so with USAGE."""
TOO_LONG = {"digits"}
"""Its finite differences of 9,600 edges take an hour."""
EXTRA = ("studies/audio.yaml", "studies/analog_discovery.yaml")


def _judged(config: Path, seed: int) -> tuple[int, int]:
    """Exit codes of `labrig selftest` and `labrig certify`."""
    selftest, certify = (
        subprocess.run(
            [sys.executable, "-m", "labrig", command, str(config), "--bench", "simulated", "--set", f"seed={seed}"],
            capture_output=True,
            timeout=900,
        ).returncode
        for command in ("selftest", "certify")
    )
    return selftest, certify


def measure(short: bool) -> list[Figure]:
    configs = [path for path in sorted(CONFIGS.glob("*.yaml")) if path.stem not in TOO_LONG]
    configs += [CONFIGS / name for name in EXTRA]
    (draw,) = seeds("shipped", 1)
    if short:
        configs = [configs[(draw + 5 * k) % len(configs)] for k in range(4)]
    found = dict(zip(configs, in_parallel(_judged, configs, [draw] * len(configs)), strict=True))
    ill = [path.stem for path, (code, _) in found.items() if code not in (HEALTHY, USAGE)]
    tested = sum(code != USAGE for code, _ in found.values())
    wrong = [path.stem for path, (_, code) in found.items() if code not in (RIGHT, UNRESOLVED)]
    right = sum(code == RIGHT for _, code in found.values())
    return [
        Figure("selftest: boards not called healthy", ", ".join(ill) or f"0 of {tested}", "none", not ill),
        Figure("certify: gradients not called right or unresolved", ", ".join(wrong) or "none", "none", not wrong),
        Figure("  of these right, by the default bound of 1 %", f"{right} of {len(found)}", "stated", True),
    ]
