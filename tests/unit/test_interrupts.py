"""Ctrl-C while rigs are open one after another."""

from __future__ import annotations

import os
import signal
from contextlib import nullcontext

import pytest

from labrig.cli.opened import opened
from labrig.interrupts import Interrupts


class Rig(nullcontext):
    """A rig as far as opening and closing it goes."""

    def close(self) -> None:
        """Do nothing."""


def press_ctrl_c(times: int) -> None:
    for _ in range(times):
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(("immediate", "times"), [(False, 2), (True, 1)])
def test_a_second_rig_can_be_interrupted_too(immediate: bool, times: int) -> None:
    with Interrupts(immediate=immediate) as interrupts:
        with opened(Rig(), interrupts):
            pass
        with pytest.raises(KeyboardInterrupt), opened(Rig(), interrupts):
            press_ctrl_c(times)


def test_between_two_rigs_and_after_an_interrupt_nothing_is_raised() -> None:
    with Interrupts(immediate=True) as interrupts:
        with pytest.raises(KeyboardInterrupt), opened(Rig(), interrupts):
            press_ctrl_c(1)
        press_ctrl_c(1)
        with opened(Rig(), interrupts):
            press_ctrl_c(1)
