"""What is built from drivers/firmware for tests: never in the source tree."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "drivers" / "firmware"


def make(target: str, build: Path, **variables: object) -> str:
    """Build one target of the firmware; skips where the tools are missing."""
    needed = {"avr": ["avr-gcc", "avr-size", "awk"], "arm": ["arm-none-eabi-gcc", "arm-none-eabi-size", "awk"]}
    tools = ["make", *needed.get(target, ["cc"])]
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


def arm_program(build: Path, channels: int, **variables: object) -> Path:
    """The program for an STM32F446."""
    folder = build / "-".join(["arm", str(channels), *map(str, variables.values())])
    make("arm", folder, CHANNELS=channels, **variables)
    return folder / "arm.elf"


def has_arm_compiler() -> bool:
    return shutil.which("arm-none-eabi-gcc") is not None


def arm_size(build: Path, channels: int, **variables: object) -> int:
    """Bytes of flash, as `make arm` prints them; it refuses a program that does not fit."""
    folder = build / "-".join(["arm", str(channels), *map(str, variables.values())])
    printed = re.search(r"flash (\d+) of \d+, RAM \d+ of", make("arm", folder, CHANNELS=channels, **variables))
    assert printed is not None
    return int(printed[1])


def fuzz(build: Path, frames: int, seed: int, **variables: object) -> None:
    """So many random and hostile frames to the core under sanitizers, which must find nothing."""
    make("fuzz", build, **variables)
    done = subprocess.run([build / "fuzz", str(frames), str(seed)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{frames} frames"), done.stdout
    assert done.stdout.endswith("clean\n"), done.stdout
