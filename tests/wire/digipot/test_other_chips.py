"""Banks of every other chip: the contract of a programmer on both benches, the firmware, and Iris on the wire."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from firmware.builds import make
from firmware.chips import OTHERS, Built
from labrig_drivers.digipot_bank import capabilities
from wire.digipot.boards import Daemon, bank, options

from labrig.assembly import assemble, packaged_configs
from labrig.errors import IdentityMismatch
from labrig.instruments.data import Level
from labrig.procedures.train import train
from labrig.testing import programmer
from labrig.testing.calls import NotApplicable
from labrig.testing.station import Station

SUPPLIES = {
    "ad5293": ("-10 V", "10 V"),
    "ad5206": ("-2.7 V", "2.7 V"),
    "ad5220": ("-2.5 V", "2.5 V"),
    "mcp4651": ("-2.5 V", "2.5 V"),
}

each_chip = pytest.mark.parametrize("built", OTHERS, ids=lambda built: built.name)


def supplied(built: Built) -> tuple[str, str]:
    return SUPPLIES.get(built.name, ("-2.5 V", "2.5 V"))


def verify(built: Built) -> str:
    return "commit" if built.reads_back else "none"


def iris(built: Built, *more: str):
    """Iris on 30 edges of this chip."""
    chips = f"[{{part: {built.part}, count: {30 // built.rheostats}}}]"
    supply = ", ".join(supplied(built))
    overrides = [f"instruments.pots.chips={chips}", f"instruments.pots.supply=[{supply}]"]
    overrides += [f"instruments.pots.verify={verify(built)}", *more]
    return assemble(packaged_configs() / "iris_wire.yaml", overrides)


@each_chip
@pytest.mark.parametrize("where", ["simulated", pytest.param("wire", marks=pytest.mark.more)])
def test_contract(built: Built, where: str):
    with contextlib.closing(Station(iris(built, f"bench={where}"))) as station:
        (subject,) = station.subjects("programmer")
        assert subject.device.programmer.reads_back == built.reads_back
        for check in programmer.CHECKS:
            with contextlib.suppress(NotApplicable):
                check(subject)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory) -> Callable[..., contextlib.AbstractContextManager[Daemon]]:
    folder: Path = tmp_path_factory.mktemp("chips")

    def start(built: Built, channels: int) -> contextlib.AbstractContextManager[Daemon]:
        make("native", folder / built.name, CHIP=built.name)
        arguments = ["--channels", str(channels), "--tcp", "0"]
        return contextlib.closing(Daemon(folder / built.name / "native", *arguments))

    return start


def codes(board: Daemon) -> list[int | None]:
    return [None if code == "open" else int(code) for code in board.command("codes").split()]


@each_chip
def test_the_driver_and_the_firmware(daemon, built: Built):
    channels = 2 * built.rheostats
    wanted = [(7 + 13 * channel) % (built.highest + 1) for channel in range(channels - 1)] + [built.highest]
    with daemon(built, channels) as board:
        pots = bank(board.resource, part=built.part, supply=supplied(built), verify=verify(built))
        with contextlib.closing(pots):
            pots.open()
            report = pots.program({str(channel): Level(code) for channel, code in enumerate(wanted)})
            assert report.written == tuple(str(channel) for channel in range(channels))
            assert report.verified == tuple(report.read_back) == (report.written if built.reads_back else ())
            assert codes(board) == wanted
            assert pots.read_back(["1"]) == {"1": Level(wanted[1])}
            board.command("power")
            report = pots.program({"0": Level(3)})
            assert report.interrupted
            assert codes(board) == [3, *wanted[1:]]
            pots.make_safe()
            assert set(codes(board)) == ({None} if built.opens else {0})


@pytest.mark.parametrize("built", [built for built in OTHERS if not built.reads_back], ids=lambda built: built.name)
def test_what_is_said_of_a_part_that_cannot_be_read(built: Built):
    (warning,) = (each for each in iris(built).document.warnings if each.path == "instruments.pots")
    assert f"{built.part} cannot be read back" in warning.message
    promises = iris(built).devices["pots"].capabilities.not_promised
    assert promises[0].startswith(f"cannot open the terminals of {built.part}: instead")
    with pytest.raises(ValueError, match="cannot be read back; write verify: none"):
        capabilities(options("x", part=built.part, supply=supplied(built)))


def test_chips_with_six_rheostats_are_fewer():
    with pytest.raises(ValueError, match="128 channels: at most 21 chips of AD5206-100, not 22"):
        capabilities(options("x", 22, part="AD5206-100", supply=("-2.7 V", "2.7 V"), verify="none"))


def test_a_part_that_can_be_read_is_verified():
    with pytest.raises(ValueError, match="can be read back; write verify: commit or read"):
        capabilities(options("x", verify="none"))


@each_chip
def test_a_board_with_another_chip_is_refused(daemon, built: Built):
    with daemon(built, 2) as board, pytest.raises(IdentityMismatch, match=f"the part is {built.part} on the board"):
        bank(board.resource, chips=1).open()


@pytest.mark.more
@each_chip
def test_iris_is_learned(tmp_path: Path, built: Built):
    few = ["learning.epochs=1", "task.split.train_per_class=10", "task.split.test_per_class=5"]
    result = train(iris(built, *few), run_dir=tmp_path / "run")
    assert result.metrics["test_accuracy"] > 0.5
    assert result.metrics["loss"] < 0.9 * result.metrics["initial_loss"]
