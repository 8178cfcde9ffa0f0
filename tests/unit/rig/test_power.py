"""What sources hold when they are made safe, and in which order instruments are switched on and off."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from unit.rig.benches import assembled, setup_with
from unit.rig.saboteurs import Journalled

from labrig.assembly import assemble
from labrig.config.problems import ConfigProblems
from labrig.errors import ConnectionFailed
from labrig.learning.measurement import Excitation
from labrig.signals.tones import ToneProgram

MID_RAIL = "wiring.in0.safe=1.25 V"


class Noted(Journalled):
    """Notes what connects it to the board, too."""

    def idle(self) -> None:
        self._note("idle")
        self.inner.idle()

    def keep_alive(self) -> None:
        self._note("keep_alive")
        self.inner.keep_alive()


def noted(calls: list[str], **broken: frozenset[str]):
    return {
        name: partial(Noted, name=name, calls=calls, broken=broken.get(name, frozenset()))
        for name in ("awg", "daq", "pots")
    }


@pytest.mark.parametrize("fails", [False, True])
def test_a_channel_holds_its_safe_level_on_every_exit(fails):
    setup = assembled("divider", MID_RAIL).setup()

    def use() -> None:
        with setup.rig as rig:
            rig.measure(Excitation(np.array([0.5])))
            if fails:
                raise ValueError("of the user's own")

    if fails:
        with pytest.raises(ValueError, match="own"):
            use()
    else:
        use()
    playing = setup.bench.world.playing(np.inf)
    assert playing == {"awg/0": ToneProgram(1.25), "awg/1": None, "awg/2": None}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["wiring.in0.safe=6 V"], "cannot hold 6 V: its full scale is 5 V"),
        (["wiring.pilot={sense: daq/2, drive: awg/2, safe: 1.2}"], "1.2"),
        (["power.up=[pots, nobody]"], "no instrument is called 'nobody'"),
        (["power.down=[pots, pots]"], "pots is listed twice"),
        (["power.down=[daq]"], "daq is a digitizer"),
    ],
)
def test_mistakes(overrides, message):
    with pytest.raises(ConfigProblems, match=message):
        assembled("divider", *overrides)


def test_a_driver_that_can_only_switch_off_is_named():
    with pytest.raises(ConfigProblems, match=r"siglent.sdg can only switch err1/1 off"):
        assembled("iris_wire", "wiring.out0.safe=1 V")
    assembled("iris_wire", "wiring.in0.safe=1 V")


@pytest.mark.parametrize("up", [[], ["pots", "awg"], ["awg", "pots"]])
def test_power_up(up):
    calls: list[str] = []
    with setup_with(assembled("divider", f"power.up={up}"), **noted(calls)).rig:
        opened = [call for call in calls if call.endswith("open")]
        connected = [call for call in calls if call.endswith(("idle", "keep_alive"))]
    assert opened == ["daq.open", *(f"{name}.open" for name in up or ["awg", "pots"])]
    first = {"awg": "awg.idle", "pots": "pots.keep_alive"}
    assert connected == [*(first[name] for name in up), "awg.idle"]


@pytest.mark.parametrize("down", [[], ["awg", "pots"], ["pots", "awg"], ["pots"]])
def test_power_down(down):
    calls: list[str] = []
    with setup_with(assembled("divider", f"power.down={down}"), **noted(calls)).rig:
        calls.clear()
    safe = [call.partition(".")[0] for call in calls if call.endswith("make_safe")]
    assert sorted(safe) == ["awg", "daq", "pots"]
    if down == ["pots", "awg"]:
        assert safe == ["pots", "awg", "daq"]
    elif down == ["pots"]:
        assert safe[2] == "daq"  # sources that are not listed come with the first
    else:
        assert safe[0] == "awg"


def test_an_instrument_that_cannot_be_made_safe_delays_the_next_ones_little():
    calls: list[str] = []
    assembly = assembled("divider", "power.down=[pots, awg]")
    setup = setup_with(assembly, **noted(calls, pots=frozenset({"make_safe"})))
    with pytest.raises(ExceptionGroup) as caught, setup.rig:
        pass
    assert [type(error) for error in caught.value.exceptions] == [ConnectionFailed]
    assert all(program is None for program in setup.bench.world.playing(np.inf).values())


def test_the_resolved_configuration_repeats_it(tmp_path):
    from labrig.config.resolved import to_yaml

    assembly = assembled("divider", MID_RAIL, "power.down=[pots, awg]")
    (tmp_path / "again.yaml").write_text(to_yaml(assembly.document), encoding="utf-8")
    again = assemble(tmp_path / "again.yaml", ())
    assert again.board.hookup.inputs[0].safe_v == 1.25
    assert again.power.down == ["pots", "awg"]
