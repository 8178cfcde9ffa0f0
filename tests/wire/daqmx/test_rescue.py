"""Boards that a killed process has left with running tasks: outputs at 0 V, and inputs free for the next program."""

from __future__ import annotations

import numpy as np
import pytest
from wire.daqmx.boards import AI, Client, Wire, acquire, analog_input, analog_output, levels, plan

from labrig.errors import ConnectionFailed
from labrig.signals.tones import Tone, ToneProgram

TONE = {"ao0": ToneProgram(0.4, (Tone(350.0, 0.2),))}


def outputs_off(served: Wire) -> bool:
    with served.bench.lock:
        playing = served.world.playing(served.bench.clock() + 1.0)
    return all(program is None or program.peak == 0.0 for program in playing.values())


@pytest.mark.parametrize("programs", [TONE, levels(0.4, -0.7)], ids=["tones", "levels"])
def test_outputs_of_another_process_are_switched_off(served: Wire, programs) -> None:
    left = analog_output(served.port, start_trigger=None)
    left.open()
    left.load(programs)
    left.arm()
    left.start()
    assert not outputs_off(served)
    analog_output(served.port).rescue()
    assert outputs_off(served)
    with pytest.raises(ConnectionFailed):  # its owner, if it lives, notices
        left.confirm()
    left.close()


def test_inputs_that_another_process_has_reserved_are_free_afterwards(served: Wire) -> None:
    left = analog_input(served.port)
    left.open()
    left.configure(plan())
    left.arm()
    left.start()
    mine = analog_input(served.port)
    mine.open()
    with pytest.raises(ConnectionFailed, match="-50103"):
        mine.configure(plan())
    analog_input(served.port).rescue()
    mine.configure(plan())
    source = analog_output(served.port)
    source.open()
    source.load(TONE)
    assert acquire(mine, source, plan().total_samples)
    for each in (mine, source, left):
        each.close()


def test_free_inputs_are_not_reset(served: Wire, ni: Client) -> None:
    analog_input(served.port).rescue()
    assert served.server.calls["ResetDevice"] == 0
    assert served.server.tasks == ()
    assert ni.system.devices[AI].product_type == "PXIe-6363"


def test_a_channel_holds_its_level_even_after_a_reset(served: Wire) -> None:
    """By the record of an instrument that a killed process left playing, as the watchdog has it."""
    left = analog_output(served.port)
    left.open()
    left.load(TONE)
    left.arm()
    left.start()
    mine = analog_output(served.port)
    mine.hold_when_safe({"ao0": 1.25})
    mine.rescue()
    playing = served.world.playing(np.inf)
    assert playing["awg/ao0"].dc == pytest.approx(1.25, abs=1e-3)
    assert all(program is None or program.peak == 0 for name, program in playing.items() if name != "awg/ao0")
    left.close()
