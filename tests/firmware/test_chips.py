"""The firmware built for every other chip: its memory, hostile frames, and the replies of all boards."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from firmware import builds
from firmware.builds import avr_program, fuzz, make
from firmware.chips import OTHERS, Built
from firmware.in_lock_step import converse_in_lock_step
from firmware.same_replies import converse
from trials import trials

each_chip = pytest.mark.parametrize("built", OTHERS, ids=lambda built: built.name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("chips")


@each_chip
def test_it_fits_an_atmega328p(folder, built: Built):
    printed = make("avr", folder / f"{built.name}-avr", CHIP=built.name, CHANNELS=built.most_channels)
    found = re.search(r"flash (\d+) of 32256, .* (\d+) left for the stack", printed)
    assert found is not None, printed
    assert int(found[1]) <= built.flash
    assert int(found[2]) >= 640


@pytest.mark.more
@each_chip
def test_hostile_frames_under_sanitizers(folder, built: Built):
    fuzz(folder / f"{built.name}-fuzz", trials(20_000, 20_000, 1_000_000), seed=1, CHIP=built.name)


@each_chip
@pytest.mark.parametrize("seed", range(trials(1, 2, 20)))
def test_same_replies(folder, built: Built, seed):
    library = builds.testbed_library(folder / built.name, CHIP=built.name)
    met = converse(library, seed, built.banks[-1 - seed % 5], trials(500, 1000, 5000), built=built)
    assert set(met) == built.statuses


@pytest.mark.more
@each_chip
@pytest.mark.parametrize("seed", range(trials(1, 1, 20)))
def test_same_replies_in_lock_step(folder, built: Built, seed):
    avr_board = pytest.importorskip("firmware.avr_board")

    channels = built.banks[1 + seed % 4]
    library = builds.testbed_library(folder / built.name, CHIP=built.name)
    program = avr_program(folder, channels, CHIP=built.name)
    board = avr_board.AVR_BOARDS[built.name]
    met = converse_in_lock_step(library, program, seed, channels, trials(300, 400, 5000), board, built)
    assert set(met) == built.statuses


def test_a_chip_that_the_firmware_does_not_know(folder):
    with pytest.raises(AssertionError, match="CHIP=none is none of"):
        make("native", folder, CHIP="none")


def test_a_bank_has_no_more_channels_than_its_chips(folder):
    with pytest.raises(AssertionError, match="more channels than 64 of these chips have"):
        make("avr", folder / "too-many", CHIP="ad5293", CHANNELS=65)
