"""`labrig doctor`: one report of the machine and of the instruments, whatever hangs, raises or is not there."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from serving import served
from unit.rig.benches import Wrapper, bench_with

from labrig.assembly import assemble
from labrig.cli.main import main
from labrig.errors import ChannelFault, ConnectionFailed
from labrig.instruments.data import Identity
from labrig.instruments.findings import Finding
from labrig.learning.measurement import Excitation
from labrig.procedures import doctor
from labrig.procedures.doctor import InstrumentReport, examine, exit_code, roll_call
from labrig.procedures.missing import of_concern


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine to which nothing is plugged in."""
    import pyvisa
    from nidaqmx.errors import DaqNotFoundError
    from nidaqmx.system import System
    from serial.tools import list_ports

    def raising(error: Exception) -> Callable[..., Any]:
        def call(*_: Any) -> Any:
            raise error

        return call

    monkeypatch.setattr(pyvisa, "ResourceManager", raising(OSError("Could not open VISA library")))
    monkeypatch.setattr(System, "local", raising(DaqNotFoundError("no driver")))
    monkeypatch.setattr(list_ports, "comports", list)


@pytest.fixture
def no_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "machine_probes", lambda runs_dir: {})


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    captured = capsys.readouterr()
    assert captured.err == ""
    (line,) = captured.out.splitlines()
    event = json.loads(line)
    assert set(event) == {"event", "findings", "instruments"}
    return event


def rows(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in said(capsys)["instruments"]}


@pytest.mark.usefixtures("bare")
def test_a_bare_machine_is_told_what_it_lacks_and_how_to_get_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    event = said(capsys)
    assert event["instruments"] == []
    findings = {finding["what"]: finding for finding in event["findings"]}
    for what in ("VISA", "NI-DAQmx", "serial port"):
        assert findings[what]["state"] == "missing"
        assert findings[what]["remedy"]
    assert findings["labrig"]["state"] == findings["disk"]["state"] == "ok"
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert "missing  NI-DAQmx: the NI driver is not installed on this machine\n         → install NI-DAQmx" in text


@pytest.mark.usefixtures("bare")
def test_missing_packages_are_named_with_their_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pyvisa", "nidaqmx.errors", "serial.tools.list_ports"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "cobs" else "1.0")
    found = examine(doctor.machine_probes(Path("runs")))
    remedies = {finding.remedy for finding in found if finding.state == "missing"}
    assert remedies == {
        "pip install pyvisa pyvisa-py", 'pip install "nidaqmx[grpc]"', "pip install pyserial", "pip install cobs",
    }  # fmt: skip


def test_a_probe_that_hangs_or_raises_keeps_no_other_from_its_row() -> None:
    forever = threading.Event()
    well = Finding("well", "ok", "here")

    def raises() -> list[Finding]:
        raise ValueError("torn\napart")

    def exits() -> list[Finding]:
        raise SystemExit(3)

    probes = {"hangs": forever.wait, "raises": raises, "exits": exits, "well": lambda: [well]}
    found = examine(probes, 0.2)  # type: ignore[arg-type]
    forever.set()
    assert [(finding.what, finding.state) for finding in found] == [
        ("hangs", "warning"), ("raises", "warning"), ("exits", "warning"), ("well", "ok"),
    ]  # fmt: skip
    assert "0.2 s" in found[0].detail
    assert "torn apart" in found[1].detail
    assert all(finding.remedy for finding in found[:3])


@pytest.mark.skipif(sys.platform != "linux", reason="folders of Linux")
def test_serial_ports_have_lasting_names_and_say_who_holds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from serial.tools import list_ports

    for name in ("free", "held", "denied"):
        (tmp_path / name).touch()
    by_id, process = tmp_path / "by-id", tmp_path / "proc" / "4711"
    by_id.mkdir()
    (by_id / "usb-FTDI_123").symlink_to(tmp_path / "free")
    (process / "fd").mkdir(parents=True)
    (process / "comm").write_text("minicom\n")
    (process / "fd" / "3").symlink_to(tmp_path / "held")
    ports = [SimpleNamespace(device=str(tmp_path / name), description="FT232R", hwid="USB") for name in
             ("free", "held", "denied")]  # fmt: skip
    mainboard = SimpleNamespace(device="/dev/ttyS0", description="n/a", hwid="n/a")
    monkeypatch.setattr(list_ports, "comports", lambda: [mainboard, *ports])
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "denied")
    monkeypatch.setattr(doctor, "_permission", lambda device: "join the group dialout")
    free, held, denied = doctor.serial_ports(by_id, tmp_path / "proc")
    assert free == Finding("serial port", "ok", f"{by_id / 'usb-FTDI_123'}: FT232R")
    assert held.state == denied.state == "warning"
    assert held.detail.endswith("in use by minicom (process 4711)")
    assert denied.remedy == "join the group dialout"


@pytest.mark.skipif(sys.platform == "win32", reason="groups of Unix")
def test_the_group_to_join_is_that_of_the_port(tmp_path: Path) -> None:
    import grp

    assert grp.getgrgid(tmp_path.stat().st_gid).gr_name in doctor._permission(tmp_path)
    assert "dialout" in doctor._permission(tmp_path / "unplugged")


def test_slow_latency_timers_come_with_the_command_that_mends_them(tmp_path: Path) -> None:
    for name, milliseconds in (("ttyUSB0", 16), ("ttyUSB1", 1)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "latency_timer").write_text(f"{milliseconds}\n")
    slow, fast = doctor.latency_timers(tmp_path)
    assert (slow.state, fast.state) == ("warning", "ok")
    assert slow.remedy == f"echo 1 | sudo tee {tmp_path / 'ttyUSB0' / 'latency_timer'}"


def test_a_full_disk_and_a_folder_that_is_none_are_warnings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.disk(tmp_path / "not" / "yet")[0].state == "ok"
    (tmp_path / "file").touch()
    assert "cannot be written" in doctor.disk(tmp_path / "file")[0].detail
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=5e6))
    (full,) = doctor.disk(tmp_path)
    assert full.state == "warning"
    assert full.remedy


class Fake:
    """An instrument that notes what is done to it."""

    def __init__(self, **does: Callable[[], Any]) -> None:
        self.calls: list[str] = []
        self._does = does

    def __getattr__(self, name: str) -> Callable[[], Any]:
        def call() -> Any:
            self.calls.append(name)
            return self._does.get(name, lambda: Identity("M1", "S1"))()

        return call


def raising(error: Exception) -> Callable[[], Any]:
    def call() -> Any:
        raise error

    return call


def called(fakes: Mapping[str, Fake], **expected: Identity) -> dict[str, InstrumentReport]:
    instruments: Any = {name: ("fake", fake) for name, fake in fakes.items()}
    return {report.name: report for report in roll_call(instruments, expected, 0.3)}


def test_every_instrument_has_its_row_and_is_left_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "SAFE_S", 0.2)
    unplugged = threading.Event()
    fakes = {
        "well": Fake(),
        "dead": Fake(open=raising(ConnectionFailed("is gone", device="dead", remedy="plug it in"))),
        "other": Fake(),
        "odd": Fake(identify=raising(ZeroDivisionError("by zero"))),
        "unsafe": Fake(make_safe=raising(ChannelFault("stays connected"))),
        "hangs": Fake(open=unplugged.wait),
    }
    reports = called(fakes, other=Identity("", "S2"), well=Identity("M1", ""))
    assert {name: (row.state, row.kind) for name, row in reports.items()} == {
        "well": ("answers", ""),
        "dead": ("absent", "ConnectionFailed"),
        "other": ("differs", "IdentityMismatch"),
        "odd": ("fault", "ZeroDivisionError"),
        "unsafe": ("fault", "ChannelFault"),
        "hangs": ("absent", "DeadlineExceeded"),
    }
    assert reports["dead"].remedy == "plug it in"
    assert "'S1'" in reports["other"].detail
    assert "'S2'" in reports["other"].detail
    assert exit_code(list(reports.values())) == 4
    assert exit_code([reports["well"], reports["unsafe"]]) == 5
    assert exit_code([reports["well"]]) == 0
    for name in ("well", "dead", "other", "odd", "unsafe"):
        assert fakes[name].calls[-2:] == ["make_safe", "close"]
        assert set(fakes[name].calls) <= {"open", "identify", "make_safe", "close"}
    assert fakes["hangs"].calls == ["open"]
    unplugged.set()
    for thread in threading.enumerate():
        if thread.name == "hangs":
            thread.join(5)
    assert fakes["hangs"].calls == ["open", "identify", "make_safe", "close"]


def test_instruments_are_opened_side_by_side() -> None:
    together = threading.Barrier(4, timeout=5)
    fakes = {f"g{k}": Fake(open=together.wait) for k in range(4)}
    assert {row.state for row in called(fakes).values()} == {"answers"}


def test_an_interrupt_leaves_everything_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake()
    real = threading.Thread.join

    def struck(thread: threading.Thread, timeout: float | None = None) -> None:
        real(thread, timeout)
        monkeypatch.setattr(threading.Thread, "join", real)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "join", struck)
    with pytest.raises(KeyboardInterrupt):
        called({"g": fake})
    assert fake.calls == ["open", "identify", "make_safe", "close"]


@pytest.mark.usefixtures("no_probes")
def test_the_simulated_bench_answers_and_is_driven_by_nobody(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    driven: list[str] = []

    class Watched(Wrapper):
        def __getattr__(self, name: str) -> Any:
            driven.append(name)
            return super().__getattr__(name)

    wraps = dict.fromkeys(("awg", "daq", "pots"), Watched)
    monkeypatch.setattr("labrig.assembly.benches.simulated.SimulatedBench", bench_with(wraps))
    assert main(["doctor", "iris.yaml", "--json", "--set", "instruments.daq.serial=ABC"]) == 0
    assert {name: row["state"] for name, row in rows(capsys).items()} == dict.fromkeys(wraps, "answers")
    assert set(driven) == {"open", "identify", "make_safe", "close"}


@pytest.mark.usefixtures("no_probes")
def test_a_bench_that_does_not_come_up_is_asked_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from labrig.virtual_instruments.wire_bench import WireBench

    asked = []

    def start(bench: WireBench) -> None:
        asked.append(bench)
        raise ConnectionFailed("the virtual instruments did not come up", device="wire bench")

    monkeypatch.setattr(WireBench, "_start", start)
    assert main(["doctor", "iris_wire.yaml", "--json"]) == 4
    assert [row["state"] for row in rows(capsys).values()] == ["absent"] * 5
    assert len(asked) == 1


def test_only_what_the_file_needs_is_missing(bare: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "divider.yaml"]) == 0
    assert "missing" not in capsys.readouterr().out
    always = [Finding("packages", "missing", "numpy"), Finding("serial port", "ok", "a cable")]
    found = [Finding(what, "missing", "") for what in ("VISA", "NI-DAQmx", "serial port")] + always
    found[3:3] = [Finding("packages", "missing", f"{name}, needed by many") for name in ("cobs", "pyvisa")]
    pots = InstrumentReport("pots", "labrig.digipot_bank", "answers")
    assert of_concern(found, [pots]) == always
    assert of_concern(found, [replace(pots, state="absent")]) == [found[2], found[3], *always]
    assert of_concern(found, [InstrumentReport("daq", "ni.ai", "fault")]) == [found[1], *always]
    assert of_concern(found, [InstrumentReport("err", "siglent.sdg", "absent")]) == [found[0], found[4], *always]


@pytest.mark.usefixtures("no_probes")
def test_faults_of_the_configuration_come_first_and_all_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    overrides = ["--set", "learning.rate=fast", "--set", "instruments.daq.bits=99"]
    assert main(["doctor", "iris.yaml", *overrides]) == 3
    text = capsys.readouterr().err
    assert "learning.rate" in text
    assert "instruments.daq.bits" in text


def test_a_bench_without_a_configuration_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--bench", "wire"]) == 2
    assert "--bench" in capsys.readouterr().err


@pytest.mark.usefixtures("no_probes")
def test_on_the_wire_bench_every_real_driver_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "iris_wire.yaml"]) == 0
    text = capsys.readouterr().out
    for model in ("PXIe-6738", "PXIe-6363", "SDG2042X", "labrig digipot bank"):
        assert model in text
    assert text.endswith("5 of 5 instruments answer as configured\n")


@pytest.mark.more
@pytest.mark.usefixtures("no_probes")
def test_a_run_that_goes_on_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with served("iris_wire.yaml") as resources:
        overrides = ["bench=hardware"]
        for name, resource in resources.items():
            address, _, device = resource.removeprefix("grpc://").partition("/")
            ni = resource.startswith("grpc://")
            overrides += [f"instruments.{name}.grpc={address}"] if ni else []
            overrides.append(f"instruments.{name}.resource='{device if ni else resource}'")
        assembly = assemble(Path("iris_wire.yaml"), overrides)
        with assembly.open_rig() as rig:
            rig.program(assembly.update(rig).settings())
            argv = [word for override in overrides for word in ("--set", override)]
            assert main(["doctor", "iris_wire.yaml", "--json", *argv]) == 4
            rig.measure(Excitation(assembly.task.activation[0], np.array([[1e-6, 0.0, 0.0]])))
            rig.confirm()
            assert not rig.program({}).interrupted
        for row in rows(capsys).values():
            assert (row["state"], row["kind"]) == ("in use", "InUse")
            assert "is already open in this process" in row["detail"]


@pytest.mark.more
@pytest.mark.usefixtures("no_probes")
def test_a_dead_port_and_a_wrong_serial_number_among_instruments_that_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.socket() as unused, served("iris_wire.yaml") as resources:
        unused.bind(("127.0.0.1", 0))  # and nobody listens
        dead = f"socket://127.0.0.1:{unused.getsockname()[1]}"
        overrides = [f"instruments.pots.resource={dead}", "instruments.err2.serial=SDG2XOTHER"]
        for name in ("awg", "daq"):
            address, _, device = resources[name].removeprefix("grpc://").partition("/")
            overrides += [f"instruments.{name}.grpc={address}", f"instruments.{name}.resource={device}"]
        for name in ("err1", "err2"):
            overrides.append(f"instruments.{name}.resource='{resources[name]}'")
        argv = [word for override in overrides for word in ("--set", override)]
        assert main(["doctor", "iris_wire.yaml", "--bench", "hardware", "--json", *argv]) == 4
    found = rows(capsys)
    assert {name: (row["state"], row["kind"]) for name, row in found.items()} == {
        "awg": ("answers", ""),
        "err1": ("answers", ""),
        "err2": ("differs", "IdentityMismatch"),
        "daq": ("answers", ""),
        "pots": ("absent", "ConnectionFailed"),
    }
    assert "'SDG2XERR2'" in found["err2"]["detail"]
    assert dead in found["pots"]["detail"]


def test_instruments_that_announce_themselves_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    import pyvisa

    names = ["ASRL/dev/ttyS0::INSTR", "TCPIP::192.0.2.20::INSTR"]
    visalib = SimpleNamespace(library_path="py")
    manager = SimpleNamespace(visalib=visalib, list_resources=lambda: tuple(names))
    monkeypatch.setattr(pyvisa, "ResourceManager", lambda: manager)
    monkeypatch.setitem(sys.modules, "usb", None)
    found, blind = doctor.visa_resources()
    assert (found.state, found.detail) == ("ok", "TCPIP::192.0.2.20::INSTR")
    assert (blind.state, blind.remedy) == ("warning", "pip install pyusb")
    names.pop()
    visalib.library_path = "/usr/lib/libvisa.so"
    (nothing,) = doctor.visa_resources()
    assert nothing.state == "missing"
    assert "lists no instrument" in nothing.detail


def test_a_visa_library_that_is_chosen_and_not_there_is_named(bare: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYVISA_LIBRARY", "/nowhere/libvisa.so")
    (finding,) = doctor.visa_resources()
    assert finding.remedy == "correct or unset the environment variable PYVISA_LIBRARY, which is '/nowhere/libvisa.so'"
