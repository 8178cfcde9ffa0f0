"""Write–verify on cells whose physics is known, and on the parts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from labrig.errors import LimitExceeded
from labrig.instruments.data import Continuous, Level, Target
from labrig.instruments.parts import find_part
from labrig.instruments.parts.memristor import CellState, Memristor
from labrig.instruments.parts.reram import spread
from labrig.instruments.pulse_bank import PulseBank
from labrig.instruments.write_verify import Ramp, write_verify
from labrig.simulation.world.cells import OPEN_S, Cells

RAMP = Ramp(start_v=0.5, stop_v=1.0, step_v=0.1, width_s=1e-6, budget=40, read_noise=0.001)


class LinearCell:
    """Every pulse adds 1 µS per volt; readings are exact."""

    def __init__(self, siemens: float, stuck: bool = False) -> None:
        self.siemens = siemens
        self.stuck = stuck
        self.volts: list[float] = []

    def read(self) -> float:
        return self.siemens

    def pulse(self, volts: float, width_s: float) -> float:
        self.volts.append(volts)
        if not self.stuck:
            self.siemens += 1e-6 * volts
        return self.siemens


def test_pulses_ramp_up_and_begin_anew_with_the_other_polarity_after_an_overshoot() -> None:
    cell = LinearCell(10e-6)
    outcome = write_verify(cell, 12.1e-6, 0.01, RAMP)
    assert outcome.converged
    assert cell.volts == pytest.approx([0.5, 0.6, 0.7, 0.8, -0.5])
    assert outcome.pulses == 5
    assert abs(cell.siemens - 12.1e-6) <= 0.01 * 12.1e-6


def test_no_pulse_is_stronger_than_the_ramp_or_beyond_the_budget() -> None:
    cell = LinearCell(10e-6, stuck=True)
    outcome = write_verify(cell, 20e-6, 0.01, RAMP)
    assert not outcome.converged
    assert outcome.pulses == len(cell.volts) == RAMP.budget
    assert max(cell.volts) == RAMP.stop_v


def test_a_cell_within_its_tolerance_gets_no_pulse() -> None:
    assert write_verify(LinearCell(10e-6), 10.01e-6, 0.02, RAMP).pulses == 0


def test_a_bank_disconnects_the_network_for_every_access_and_reports_cells_that_do_not_converge() -> None:
    cells = {"0": LinearCell(10e-6), "1": LinearCell(10e-6, stuck=True)}
    inside: list[bool] = [False]

    class Isolated:
        def __enter__(self) -> None:
            inside[0] = True

        def __exit__(self, *_: object) -> None:
            inside[0] = False

    def cell(channel: str) -> LinearCell:
        assert inside[0]
        return cells[channel]

    bank = PulseBank("cells", ["0", "1"], Continuous(5e-6, 20e-6, 0.02), RAMP, cell, Isolated)
    report = bank.program({"0": Target(12e-6), "1": Target(12e-6)})
    assert (report.verified, report.faulty) == (("0",), ("1",))
    assert report.pulses["1"] == RAMP.budget
    assert bank.program({"0": Target(12e-6)}).written == ()

    cells["0"].siemens *= 1.1
    refreshed = bank.refresh()
    assert refreshed.written == refreshed.verified == ("0",)  # and not the cell that is known to be stuck
    assert abs(cells["0"].siemens / 12e-6 - 1) <= 0.02


class Untouched:
    def __enter__(self) -> None:
        raise AssertionError("a cell was touched")

    def __exit__(self, *_: object) -> None:
        raise AssertionError("a cell was touched")


@pytest.mark.parametrize(
    "settings", [{"0": Target(4e-6)}, {"0": Level(3)}, {"2": Target(10e-6)}, {"0": Target(10e-6, 1e-6)}]
)
def test_a_bank_refuses_before_the_first_pulse(settings: dict[str, Target | Level]) -> None:
    cell = LinearCell(10e-6)
    bank = PulseBank("cells", ["0", "1"], Continuous(5e-6, 20e-6, 0.02), RAMP, lambda _: cell, Untouched)  # type: ignore[arg-type,return-value]
    with pytest.raises(LimitExceeded):
        bank.program({"1": Target(11e-6), **settings})
    assert not cell.volts


def test_the_closed_form_of_tio2_agrees_with_its_rate_law_integrated_in_small_steps() -> None:
    part = find_part("TIO2")
    assert isinstance(part, Memristor)

    class NoSpread:
        def standard_normal(self) -> float:
            return 0.0

    for volts, sign in ((1.2, 1), (-0.9, -1)):
        ohm, limit = 7000.0, (9000.0 if volts > 0 else 5000.0) + 500.0 * volts
        rate = 11.483 * (math.exp(abs(volts) / 1.731) - 1)
        for _ in range(20_000):
            ohm += sign * rate * (limit - ohm) ** 2 * (50e-6 / 20_000)
        pulsed = part.pulsed(1 / 7000.0, volts, 50e-6, NoSpread())  # type: ignore[arg-type]
        assert 1 / pulsed.siemens == pytest.approx(ohm, rel=1e-5)


def test_the_worst_cells_of_tio2_reach_both_ends_of_their_range_within_their_pulses() -> None:
    """The highest resistance of a cell may be low, and its lowest resistance high."""

    class Cell:
        def __init__(self, specimen: Memristor) -> None:
            self.cells = Cells({"c/0": specimen}, {}, 1, lambda *_: None)

        def read(self) -> float:
            return self.cells.read(0.0, "c/0", 0.2, 1e-3)

        def pulse(self, volts: float, width_s: float) -> float:
            self.cells.pulse(0.0, "c/0", volts, width_s)
            return self.read()

    class Draws:
        def __init__(self, deviations: float) -> None:
            self.deviations = deviations

        def standard_normal(self) -> float:
            return self.deviations

    part = find_part("TIO2")
    assert isinstance(part, Memristor)
    for deviations, siemens in ((-4.0, part.minimum_s), (4.0, part.maximum_s)):
        cell = Cell(part.drawn(Draws(deviations)))  # type: ignore[arg-type]
        assert write_verify(cell, siemens, 0.01, part.ramp).converged
        assert abs(cell.cells.siemens(0.0, "c/0") / siemens - 1) <= 0.01
        assert cell.cells.strongest_v <= part.ramp.stop_v


def test_reram_scatters_and_relaxes_as_published() -> None:
    assert spread(40e-6) == pytest.approx(1e-6 * (0.348 + 16.030 - 43.853 + 45.393 - 16.815))
    part = find_part("RERAM")
    assert isinstance(part, Memristor)
    generator = np.random.default_rng(1)
    drift = [part.pulsed(20e-6, 1.0, 1e-6, generator).drift for _ in range(4000)]
    assert np.mean(drift) == pytest.approx(-0.089e-6, abs=3e-9)
    day = part.after(CellState(20e-6, -0.089e-6), 86400.0)
    assert day == pytest.approx(20e-6 - 0.089e-6 * math.log(86401))


def test_pcm_falls_by_its_power_law() -> None:
    part = find_part("PCM")
    assert isinstance(part, Memristor)
    state = CellState(10e-6, 0.07)
    ratio = part.after(state, 2e6) / part.after(state, 2e5)
    assert math.log10(ratio) == pytest.approx(-0.07, abs=1e-4)
    assert part.after(state, 0.0) == 10e-6
    drifts = [part.drawn(np.random.default_rng(k)).drift for k in range(200)]  # type: ignore[attr-defined]
    assert 0.049 <= min(drifts) < max(drifts) <= 0.1


def test_the_world_shows_open_edges_while_cells_are_isolated_and_counts_what_touches_connected_ones() -> None:
    shown: dict[str, float] = {}
    part = find_part("PCM")
    assert isinstance(part, Memristor)
    cells = Cells({"c/0": part}, {"c/0": "in0-out0"}, 1, lambda _, siemens: shown.update(siemens))
    cells.isolate(0.0, "c")
    assert shown == {"in0-out0": OPEN_S}
    cells.pulse(1.0, "c/0", 1.5, 1e-7)
    assert cells.touched_connected == 0
    cells.connect(1.0, "c")
    written = shown["in0-out0"]
    assert written > part.initial_s
    cells.drift(1001.0)
    assert shown["in0-out0"] == pytest.approx(written * 51**-part.drift)  # type: ignore[attr-defined]
    cells.read(1001.0, "c/0", 0.2, 1e-3)
    assert (cells.pulses, cells.reads, cells.touched_connected, cells.strongest_v) == (1, 1, 1, 1.5)


def test_a_quiet_reading_leaves_the_state_and_a_strong_one_is_a_pulse() -> None:
    part = find_part("TIO2")
    assert isinstance(part, Memristor)
    cells = Cells({"c/0": part}, {}, 1, lambda *_: None)
    for _ in range(100):
        cells.read(0.0, "c/0", 0.2, 1e-3)
    assert cells.siemens(0.0, "c/0") == part.initial_s
    cells.read(0.0, "c/0", 0.5, 1e-3)
    assert cells.siemens(0.0, "c/0") < part.initial_s


def test_cells_go_on_from_a_state_bit_for_bit() -> None:
    part = find_part("RERAM")
    assert isinstance(part, Memristor)
    first, second = (Cells({"c/0": part}, {}, 7, lambda *_: None) for _ in range(2))
    first.pulse(0.0, "c/0", 1.0, 1e-6)
    first.read(0.5, "c/0", 0.2, 1e-3)
    second.resume(1.0, first.state())
    for cells in (first, second):
        cells.pulse(1.0, "c/0", -1.0, 1e-6)
    assert first.read(2.0, "c/0", 0.2, 1e-3) == second.read(2.0, "c/0", 0.2, 1e-3)
