from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from firmware.boards import FirmwareBoard, PythonBoard
from firmware.builds import avr_program, testbed_library


@pytest.fixture(scope="session")
def build(tmp_path_factory) -> Path:
    """Where the firmware is built: never in the source tree."""
    return tmp_path_factory.mktemp("firmware")


@pytest.fixture(scope="session")
def testbed(build) -> Path:
    return testbed_library(build)


@pytest.fixture(scope="session")
def board_core(build) -> Path:
    """The core of the one-board bench."""
    return testbed_library(build / "one_board", BOARD=1)


@pytest.fixture(scope="session")
def elf(build) -> Callable[..., Path]:
    """The program for the ATmega328P, elf(channels, SPI_DIVIDER=...)."""
    return lambda channels, **variables: avr_program(build, channels, **variables)


@pytest.fixture(params=["python", "firmware"])
def board(request) -> Callable[..., PythonBoard | FirmwareBoard]:
    """A maker of boards, board(channels, boot_id): every test of the protocol holds for both."""
    if request.param == "python":
        return PythonBoard
    library = request.getfixturevalue("testbed")
    return lambda channels, boot_id=1: FirmwareBoard(library, channels, boot_id)
