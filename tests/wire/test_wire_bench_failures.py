"""A child process with virtual instruments that does not start, does not answer, or does not end."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from labrig.assembly import assemble
from labrig.assembly.assembly import Assembly
from labrig.assembly.benches.wire import build
from labrig.errors import ConfigError, ConnectionFailed
from labrig.virtual_instruments import wire_bench
from labrig.virtual_instruments.wire_bench import WireBench

SMALL = Path(__file__).parents[1] / "benchmarks" / "small_wire.yaml"


@pytest.fixture(scope="module")
def assembly() -> Assembly:
    return assemble(SMALL)


@pytest.fixture
def bench(assembly: Assembly) -> Iterator[WireBench]:
    made = build(assembly)
    yield made
    made.close()


def connect(bench: WireBench, assembly: Assembly, name: str, alias: str = "") -> object:
    device = assembly.devices[name]
    return bench.connect(alias or name, device.driver, device.options)


def test_what_is_wrong_with_its_configuration_is_said(assembly: Assembly, tmp_path: Path) -> None:
    bench = WireBench("version: 1\nname: nothing\n", tmp_path)
    with pytest.raises(ConnectionFailed, match="missing required key"):
        connect(bench, assembly, next(iter(assembly.devices)))
    assert bench._child is None


def test_a_child_that_takes_too_long_is_ended(
    bench: WireBench, assembly: Assembly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire_bench, "START_S", 0.0)
    with pytest.raises(ConnectionFailed, match="the virtual instruments did not start") as caught:
        connect(bench, assembly, next(iter(assembly.devices)))
    assert caught.value.remedy is not None
    assert caught.value.remedy.startswith("the machine may be busy: try again; or run ")
    assert bench._child is None
    with pytest.raises(ConnectionFailed, match="is not running"):
        bench.true_outputs(assembly.task.activation[:1], tone=False)


def test_a_child_that_hangs_does_not_answer_and_is_killed(
    bench: WireBench, assembly: Assembly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire_bench, "ANSWER_S", 0.1)
    monkeypatch.setattr(wire_bench, "STOP_S", 0.2)
    connect(bench, assembly, next(iter(assembly.devices)))
    with pytest.raises(ConnectionFailed, match="has no virtual counterpart"):
        connect(bench, assembly, next(iter(assembly.devices)), alias="elsewhere")
    child = bench._child
    assert child is not None
    os.kill(child.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)  # all of its threads
    with pytest.raises(ConnectionFailed, match="did not answer"):
        bench.true_outputs(assembly.task.activation[:1], tone=False)
    bench.close()
    assert child.returncode == -signal.SIGKILL
    with pytest.raises(ConnectionFailed, match="is not running"):
        bench.true_outputs(assembly.task.activation[:1], tone=False)


def test_a_driver_without_a_real_instrument_is_refused_before_a_child_starts(tmp_path: Path) -> None:
    bench, generic = WireBench("", tmp_path), assemble("divider.yaml").devices["awg"]
    with pytest.raises(ConfigError, match=r"generic\.source has no real driver"):
        bench.connect("awg", generic.driver, generic.options)
    assert bench._child is None
