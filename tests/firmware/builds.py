"""What is built from drivers/firmware for tests: never in the source tree."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "drivers" / "firmware"


def make(target: str, build: Path, **variables: object) -> str:
    """Build one target of the firmware; skips where the tools are missing."""
    tools = {"avr": ["make", "avr-gcc", "avr-size", "awk"]}.get(target, ["make", "cc"])
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    arguments = [f"{name}={value}" for name, value in {"BUILD": build, **variables}.items()]
    done = subprocess.run(["make", "-C", SOURCES, target, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def testbed_library(build: Path, **variables: object) -> Path:
    """The core for a FirmwareBoard."""
    make("testbed", build, **variables)
    return build / "libtestbed.so"


def avr_program(build: Path, channels: int, **variables: object) -> Path:
    """The program for an AvrBoard."""
    folder = build / "-".join(["avr", str(channels), *map(str, variables.values())])
    make("avr", folder, CHANNELS=channels, **variables)
    return folder / "avr.elf"


def fuzz(build: Path, frames: int, seed: int, **variables: object) -> None:
    """So many random and hostile frames to the core under sanitizers, which must find nothing."""
    make("fuzz", build, **variables)
    done = subprocess.run([build / "fuzz", str(frames), str(seed)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{frames} frames"), done.stdout
    assert done.stdout.endswith("clean\n"), done.stdout
