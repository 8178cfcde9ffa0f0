"""A rig in a program of the user's own: signals make it safe and then do what they would have done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from unit.rig.benches import Wrapper, assembled, setup_with

import labrig
from labrig.assembly import packaged_configs
from labrig.errors import ConnectionFailed, NotMadeSafe
from labrig.learning.measurement import Excitation
from labrig.rig import safety
from labrig.rig.safe_rig import SafeRig

DIVIDER = assembled("divider")
ENDING = [signal.SIGTERM, signal.SIGHUP]


@pytest.fixture
def arrived(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Signals that reached the handlers this program had before, instead of ending it."""
    found: list[int] = []
    earlier = {number: signal.signal(number, lambda number, _: found.append(number)) for number in ENDING}
    monkeypatch.setattr(safety, "RETRY_S", 0.3)
    yield found
    for number, handler in earlier.items():
        signal.signal(number, handler)


def off(setup: Any) -> bool:
    return all(program is None for program in setup.bench.world.playing(np.inf).values())


def handlers() -> list[Any]:
    return [signal.getsignal(number) for number in (signal.SIGINT, *ENDING)]


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_a_signal_makes_safe_first_and_then_has_its_earlier_effect(arrived: list[int], number: signal.Signals) -> None:
    before, setup = handlers(), DIVIDER.setup()
    with SafeRig(setup.rig) as rig:
        assert handlers() != before
        assert not off(setup)
        signal.raise_signal(number)
        assert off(setup)
        assert arrived == [number]
        assert handlers() == before
        with pytest.raises(ConnectionFailed, match="was made safe"):
            rig.measure(Excitation(np.array([0.5])))
        with pytest.raises(ConnectionFailed, match="was made safe"):
            rig.idle()
    assert arrived == [number]


def test_a_signal_in_the_middle_of_a_call_makes_safe_and_the_call_goes_no_further(arrived: list[int]) -> None:
    class Struck(Wrapper):
        def start(self) -> None:
            if self.armed:
                signal.raise_signal(signal.SIGTERM)
            self.inner.start()

        armed = False

    setup = setup_with(DIVIDER, awg=Struck)
    with SafeRig(setup.rig) as rig:
        Struck.armed = True
        with pytest.raises(ConnectionFailed):
            rig.measure(Excitation(np.array([0.5])))
        assert arrived == [signal.SIGTERM]
        assert off(setup)


def test_signals_while_it_is_made_safe_wait_until_that_is_done(arrived: list[int]) -> None:
    """Ctrl-C, too: it would leave the outputs on."""

    class Slow(Wrapper):
        def make_safe(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(0.1)
            self.inner.make_safe()
            self.reached = True

        reached = False

    before, setup = handlers(), setup_with(DIVIDER, awg=Slow)
    with pytest.raises(KeyboardInterrupt), SafeRig(setup.rig):
        pass
    assert off(setup)
    assert handlers() == before
    assert arrived == []


def test_ctrl_c_raises_keyboard_interrupt_as_ever_and_the_rig_closes(arrived: list[int]) -> None:
    before, setup = handlers(), DIVIDER.setup()
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), SafeRig(setup.rig):
            signal.raise_signal(signal.SIGINT)
        assert off(setup)
        assert handlers() == before
    assert arrived == []


def test_nested_rigs_are_both_made_safe(arrived: list[int]) -> None:
    one, other = DIVIDER.setup(), DIVIDER.setup()
    with SafeRig(one.rig), SafeRig(other.rig):
        signal.raise_signal(signal.SIGTERM)
        assert off(one)
        assert off(other)
    assert arrived == [signal.SIGTERM]


def test_handlers_that_somebody_else_has_set_meanwhile_are_left_alone(arrived: list[int]) -> None:
    other: list[int] = []
    with SafeRig(DIVIDER.setup().rig):
        signal.signal(signal.SIGTERM, lambda number, _: other.append(number))
    signal.raise_signal(signal.SIGTERM)
    assert (arrived, other) == ([], [signal.SIGTERM])


def test_in_another_thread_signals_are_left_alone(arrived: list[int]) -> None:
    before, setup, seen = handlers(), DIVIDER.setup(), []

    def work() -> None:
        with SafeRig(setup.rig):
            seen.append(handlers())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
    assert off(setup)


def test_what_cannot_be_made_safe_on_a_signal_is_said_on_stderr(arrived: list[int], capfd: Any) -> None:
    class Lost(Wrapper):
        def make_safe(self) -> None:
            raise ConnectionFailed("is gone", device="awg", action="make safe", remedy="check its cable")

    with SafeRig(setup_with(DIVIDER, awg=Lost).rig):
        signal.raise_signal(signal.SIGTERM)
    assert arrived == [signal.SIGTERM]
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("labrig: awg: could not be made safe: is gone")
    assert "switch its outputs off by hand" in line


def test_a_rig_that_cannot_be_opened_leaves_no_handler(arrived: list[int]) -> None:
    class Absent(Wrapper):
        def open(self) -> None:
            raise ConnectionFailed("is absent", device="awg")

    before = handlers()
    with pytest.raises(ConnectionFailed, match="is absent"), SafeRig(setup_with(DIVIDER, awg=Absent).rig):
        pytest.fail("the rig must not open")
    assert handlers() == before


def test_labrig_open_gives_such_a_rig(arrived: list[int]) -> None:
    before = handlers()
    with labrig.open(packaged_configs() / "divider.yaml") as rig:
        assert handlers() != before
        rig.measure(Excitation(np.array([0.5])))
    assert handlers() == before
    with pytest.raises(NotMadeSafe), labrig.open(packaged_configs() / "divider.yaml") as rig:
        rig._on_close = lambda: (_ for _ in ()).throw(ConnectionFailed("the bench does not end"))


def test_a_rig_that_is_used_without_with_says_how_to_open_it() -> None:
    rig: Any = labrig.open(packaged_configs() / "divider.yaml")
    with pytest.raises(AttributeError, match=r"no attribute 'measure'; the rig is opened by `with labrig.open"):
        rig.measure  # noqa: B018
    with pytest.raises(AttributeError, match=r"no attribute 'mesure'$"):
        rig.mesure  # noqa: B018


def test_a_rig_that_was_left_open_is_closed_when_python_ends() -> None:
    program = f"""
import atexit, math, labrig
atexit.register(lambda: print([str(program) for program in world.playing(math.inf).values()]))  # runs last
rig = labrig.open({str(packaged_configs() / "divider.yaml")!r}).__enter__()
world = rig._sources["awg"]._instrument._source._context.world
assert None not in world.playing(math.inf).values()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["['None',", "'None',", "'None']"]
