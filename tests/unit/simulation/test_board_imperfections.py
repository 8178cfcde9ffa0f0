"""What sources, nodes and diodes get wrong: measured through the rig, it has the size that was set."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from trials import trials
from unit.network.dense_oracle import conductance_matrix, diode_incidence, pushed_in
from unit.rig.benches import assembled
from unit.simulation.worlds import INITIAL, NODES, SOURCES, graph

from labrig.config.problems import ConfigProblems
from labrig.errors import ConfigError
from labrig.instruments.data import Target
from labrig.learning.measurement import Excitation, Response
from labrig.network.physics import GROUND, Source
from labrig.network.resistive.builders import from_edges
from labrig.network.resistive.diodes import BOLTZMANN_J_PER_K, DIODES, ELEMENTARY_CHARGE_C
from labrig.network.resistive.graph import Diode
from labrig.network.resistive.junctions import diode_arrays, diode_current
from labrig.network.resistive.network import ResistiveNetwork
from labrig.rig.rig import Rig
from labrig.signals.tones import Tone, ToneProgram
from labrig.simulation.imperfections import imperfections
from labrig.simulation.world import BoardWiring, SourceStage, World

SILENCE = Excitation(np.zeros(10))
ERROR = Excitation(np.zeros(10), np.array([[1e-6, -1e-6, 0.5e-6]]))


def window(wrong: str, seed: int, excitation: Excitation, *overrides: str) -> tuple[Rig, np.ndarray]:
    """The rig of Iris on a bench that gets only this wrong, and the (n, 14) voltages of one window."""
    assembly = assembled("iris", f"simulation={{preset: ideal, {wrong}}}", f"seed={seed}", *overrides)
    with assembly.open_rig() as rig:
        rig.measure(excitation)
        return rig, rig.window()


def phasors(rig: Rig, volts: np.ndarray, frequency_hz: float) -> np.ndarray:
    """(C,) complex amplitudes of a window, by multiplying and averaging over whole cycles."""
    turns = np.arange(len(volts)) * frequency_hz / rig.plan.sample_rate_hz
    return 2 / len(volts) * np.exp(-2j * np.pi * turns) @ volts


def test_sources_have_offsets_of_the_size_that_is_set() -> None:
    read = []
    for seed in range(20):
        _, volts = window("source_offset: 5 mV", seed, SILENCE)
        read.append(np.append(volts[:, :10].mean(axis=0), volts[:, 13].mean()))
    assert np.std(read) == pytest.approx(5e-3, rel=0.12)
    assert np.abs(np.mean(read)) < 5e-3 * 4 / math.sqrt(220)


@pytest.mark.parametrize(("peak_v", "share"), [(2.0, 1.0), (1.0, 0.5)])
def test_a_tone_has_the_harmonics_that_are_set_at_full_scale(peak_v: float, share: float) -> None:
    wrong = "source_distortion: {second: 0.003, third: 0.001}"
    sizes = ("instruments.awg.full_scale=2 V", "instruments.daq.full_scale=4 V", f"acquisition.pilot={peak_v} V")
    rig, volts = window(wrong, 0, SILENCE, *sizes)
    (frequency,) = rig.tones.frequencies_hz
    first, second, third = (abs(phasors(rig, volts, k * frequency)[-1]) for k in (1, 2, 3))
    assert first == pytest.approx(peak_v, rel=4e-3)
    assert second == pytest.approx(0.003 * share * peak_v, rel=1e-6)
    assert third == pytest.approx(0.001 * share**2 * peak_v, rel=1e-6)


@pytest.mark.parametrize("key", ["source_phase", "scan_skew"])
def test_tones_are_late_by_as_much_as_is_set(key: str) -> None:
    """The phases of the three outputs relative to their errors, over which the pilot's own delay is common."""
    variances = []
    for seed in range(trials(20, 40, 200)):
        rig, volts = window(f"{key}: 10 µs", seed, ERROR)
        (frequency,) = rig.tones.frequencies_hz
        found = phasors(rig, volts, frequency)
        late = np.angle(found[10:13] * np.sign(ERROR.error[0]) / found[13]) / (2 * np.pi * frequency)
        variances.append(np.var(late, ddof=1))
    assert math.sqrt(np.mean(variances)) == pytest.approx(10e-6, rel=0.25)


def test_a_delay_of_the_digitizer_advances_and_one_of_the_source_retards() -> None:
    """Nothing but the sign of a phase tells them apart."""
    drawn = imperfections({"scan_skew": 10e-6}, 5).scan_delay_s("daq", 14)
    assert drawn is not None
    rig, volts = window("scan_skew: 10 µs", 5, ERROR)
    (frequency,) = rig.tones.frequencies_hz
    found = phasors(rig, volts, frequency)
    late = np.angle(found[10:13] * np.sign(ERROR.error[0]) / found[13]) / (2 * np.pi * frequency)
    np.testing.assert_allclose(late, drawn[10:13] - drawn[13], rtol=0, atol=2e-8)
    (player,) = imperfections({"source_phase": 10e-6}, 5).players("awg/10")
    delayed = player(ToneProgram(1.0, (Tone(1000.0, 0.5),)))
    (other,) = imperfections({"source_phase": 10e-6}, 5).players("awg/13")
    difference = delayed.tones[0].phase_rad - other(ToneProgram(0.0, (Tone(1000.0, 1.0),))).tones[0].phase_rad
    rig, volts = window("source_phase: 10 µs", 5, ERROR)
    found = phasors(rig, volts, frequency)
    assert np.angle(found[10] / found[13]) == pytest.approx(difference * frequency / 1000.0, rel=0.02)


def test_the_clock_of_a_source_is_off_by_as_much_as_is_set() -> None:
    """The frequency of the pilot, from its phase in two halves of a second."""
    ratios = []
    slow = ("acquisition.sample_rate=5 kS/s", "acquisition.window=1 s", "limits.step=5 s", "acquisition.tones=[620 Hz]")
    count = trials(20, 40, 200)
    for seed in range(count):
        rig, volts = window("clock_ppm: 50", seed, SILENCE, *slow)
        (frequency,) = rig.tones.frequencies_hz
        half = len(volts) // 2
        begins, ends = (phasors(rig, part, frequency)[-1] for part in (volts[:half], volts[half:]))
        ratios.append(np.angle(ends / begins) / (2 * np.pi * frequency * 0.5))
    assert np.std(ratios) == pytest.approx(50e-6, rel=0.3)
    assert abs(np.mean(ratios)) < 50e-6 * 4 / math.sqrt(count)
    expected = imperfections({"clock_ppm": 50.0}, 0).players("awg/3")[0](ToneProgram(0.0, (Tone(1.0, 1.0),)))
    assert ratios[0] == pytest.approx(expected.tones[0].frequency_hz - 1, rel=1e-3)


def test_every_input_picks_up_a_share_of_each_tone_in_phase() -> None:
    shares = []
    for seed in range(10):
        rig, volts = window("pickup: 0.001", seed, SILENCE)
        (frequency,) = rig.tones.frequencies_hz
        found = phasors(rig, volts, frequency)
        shares.append(found[:13] / found[13])
    assert np.std(np.real(shares)) == pytest.approx(1e-3, rel=0.2)
    assert np.abs(np.imag(shares)).max() < 1e-9
    quiet, loud = (window("pickup: 0.001", 0, each)[1] for each in (SILENCE, ERROR))
    clean = window("pickup: 0", 0, ERROR)[1]
    error = phasors(rig, loud - quiet, frequency)[:10] - phasors(rig, clean, frequency)[:10]
    # Three errors of 100, 100 and 50 mV in open circuit: in0 … in9 are 50 Ω from ground, so the board brings little.
    assert np.sqrt(np.mean(np.abs(error) ** 2)) == pytest.approx(1e-3 * 0.15, rel=0.5)


def divided(*overrides: str) -> tuple[Rig, Response, float]:
    """The divider with an error of 1 µA; its edge at 30 µS."""
    with assembled("divider", *overrides).open_rig() as rig:
        rig.program({0: Target(30e-6)})
        response = rig.measure(Excitation(np.zeros(1), np.array([[1e-6]])))
        return rig, response, float(rig.tones.frequencies_hz[0])


@pytest.mark.parametrize("farad", [1e-9, 10e-9])
def test_a_node_with_capacitance_lags_as_circuit_theory_has_it(farad: float) -> None:
    """ωRC of 0.15 and 1.5 at the output, by the complex conductances of two nodes."""
    cable = f"acquisition.cable={farad * 1e9:g} nF"
    rig, response, frequency = divided("simulation={preset: ideal, node_capacitance: true}", cable)
    edge, source, error = 30e-6, 1 / 50.0, 1 / 100e3
    omega_c = 2j * np.pi * frequency * farad
    matrix = np.array([[edge + source + omega_c, -edge], [-edge, edge + error + omega_c]])
    v = np.linalg.solve(matrix, [0.0, 1e-6])
    assert 0.05 < abs(np.angle(v[1])) < 1.3
    pilot = 1 / (1 + 50.0 * omega_c)  # it has a cable too
    v /= pilot / abs(pilot)
    both = response.demodulated.channel_in_phase[0, :2]
    np.testing.assert_allclose(both, v.real, rtol=1e-9, atol=1e-15)
    turned = phasors(rig, rig.window(), frequency)
    np.testing.assert_allclose((turned / turned[2] * abs(turned[2]))[:2], v, rtol=1e-9, atol=1e-15)


def test_a_buffer_takes_the_cable_off_its_node() -> None:
    with_it, without = (
        divided(f"simulation={{preset: ideal, node_capacitance: {value}}}", "wiring.out0.buffer=100 Ω", *more)
        for value, more in (("true", ("wiring.in0.buffer=100 Ω", "wiring.pilot.buffer=100 Ω")), ("false", ()))
    )
    np.testing.assert_array_equal(with_it[1].b, without[1].b)


def test_levels_and_errors_of_learning_are_as_before_far_below_the_corner() -> None:
    """1 pF: ωRC = 1e-4 leaves 1e-8 in phase."""
    small = divided("simulation={preset: ideal, node_capacitance: true}", "acquisition.cable=1 pF")[1]
    none = divided("simulation={preset: ideal}")[1]
    np.testing.assert_allclose(small.b, none.b, rtol=1e-7)
    np.testing.assert_allclose(small.a, none.a, atol=1e-15)


def diode_world(farad: float) -> tuple[World, ResistiveNetwork]:
    """a ── b, b with an antiparallel pair to ground; a is driven through 1 kΩ."""
    layout = from_edges(["a-b"], [])
    board = ResistiveNetwork(
        layout.nodes,
        layout.edges,
        (),
        (Diode("up", "b", GROUND, DIODES["BAT54"]), Diode("down", GROUND, "b", DIODES["BAT54"])),
        (Source("a", 1e3),),
    )
    wiring = BoardWiring({"awg/0": "a"}, {"daq/0": "a", "daq/1": "b"}, {"pots/0": "a-b"})
    return World(board, wiring, {"awg/0": SourceStage()}, np.array([1e-4]), np.full(2, farad)), board


def integrated(board: ResistiveNetwork, farad: float, program: ToneProgram, times: np.ndarray) -> np.ndarray:
    """(T, 2) node voltages by a general integrator, after a hundred periods."""
    matrix, across = conductance_matrix(board, np.array([1e-4])), diode_incidence(board)
    diodes = diode_arrays([diode.model for diode in board.diodes])

    def slope(t: float, v: np.ndarray) -> np.ndarray:
        current, _ = diode_current(v @ across, diodes)
        driven = pushed_in(board, program.at(np.array([t])))
        return (driven - matrix @ v - across @ current) / farad

    settled = 5e-3
    solved = solve_ivp(slope, (0.0, settled + times[-1]), np.zeros(2), "BDF", settled + times, rtol=1e-9, atol=1e-13)
    return solved.y.T


@pytest.mark.more
def test_diodes_with_capacitance_follow_the_differential_equation() -> None:
    program = ToneProgram(0.3, (Tone(1000.0, 0.05), Tone(1400.0, 0.02)))
    times = np.arange(250) / 50e3
    errors = []
    for farad in (0.2e-9, 1e-9):
        world, board = diode_world(farad)
        world.drive(0.0, "awg/0", program)
        exact = integrated(board, farad, program, times)
        still = diode_world(0.0)[0]
        still.drive(0.0, "awg/0", program)
        lag = still.voltages(["a", "b"], 5e-3, 50e3, 250) - exact
        error = world.voltages(["a", "b"], 5e-3, 50e3, 250) - exact
        errors.append(np.abs(error).max() / np.abs(lag).max())
    assert errors[0] < 1e-3
    assert errors[1] < 2e-2


def test_diodes_that_are_too_slow_for_their_tones_are_refused() -> None:
    world, _ = diode_world(100e-9)
    world.drive(0.0, "awg/0", ToneProgram(0.0, (Tone(10e3, 0.05),)))
    with pytest.raises(ConfigError, match="too slow for tones of 10000 Hz") as raised:
        world.voltages(["a", "b"], 0.0, 50e3, 50)
    assert "simulation.node_capacitance=false" in str(raised.value)


def clamped_v(kelvin: float) -> np.ndarray:
    """(15,) voltages of XOR's nodes and pilot, every input at 1 V: its Schottky diodes clamp the hidden nodes."""
    temperature = f"simulation={{preset: ideal, diode_temperature: {{offset: {kelvin} °C}}}}"
    with assembled("xor", temperature).open_rig() as rig:
        rig.program(dict.fromkeys(range(48), Target(100e-6)))
        rig.measure(Excitation(np.ones(6)))
        return rig.window().mean(axis=0)


def test_a_warm_diode_conducts_as_spice_has_it() -> None:
    cold, warm = clamped_v(0.0), clamped_v(20.0)
    assert (warm[6] - cold[6]) / 20 == pytest.approx(-1.7e-3, rel=0.2)
    # The law at 47 °C, with Is and kT/q by hand, of the diode that conducts; the other one brings its reverse current.
    model = DIODES["BAT54"]
    nominal, hot = 300.15, 320.15
    slope_v = model.emission_coefficient * BOLTZMANN_J_PER_K * hot / ELEMENTARY_CHARGE_C
    saturation = model.saturation_current_a * (hot / nominal) ** (2.0 / model.emission_coefficient)
    saturation *= math.exp((hot / nominal - 1) * 0.69 / slope_v)
    hidden = warm[6]
    current = 100e-6 * (np.sum(warm[:6] - hidden) + np.sum(warm[12:14] - hidden))
    current -= saturation * (1 + (3 * slope_v / (math.e * -hidden)) ** 3)
    law = saturation * math.expm1((hidden - model.series_resistance_ohm * current) / slope_v)
    assert current == pytest.approx(law, rel=1e-5)


def test_junctions_differ_by_the_spread_that_is_set() -> None:
    network = assembled("xor").board.network
    spread = assembled("xor", "simulation={diode_temperature: {offset: 10 °C, spread: 3 °C}}")
    value = spread.simulation.imperfections["diode_temperature"]
    kelvin = []
    for seed in range(20):
        real = imperfections({"diode_temperature": value}, seed).network(network)
        assert isinstance(real, ResistiveNetwork)
        kelvin += [diode.model.temperature_k - 300.15 for diode in real.diodes]
    assert np.mean(kelvin) == pytest.approx(10.0, abs=1.0)
    assert np.std(kelvin) == pytest.approx(3.0, rel=0.15)
    linear = assembled("iris").board.network
    assert imperfections({"diode_temperature": value}, 0).network(linear) == linear


@pytest.mark.parametrize(
    ("written", "path", "says"),
    [
        ("hum: 5 mV", "hum", "expected a map of rms, frequency, wander, harmonics, common, got '5 mV'"),
        ("hum: {rms: 1 mV, harmonics: [-1]}", "hum.harmonics[0]", "must not be negative, got -1"),
        ("drift: -1 V", "drift", "must not be negative, got '-1 V'"),
        ("flicker: 1", "flicker", "write the unit, e.g. '500 mV' (bare number 1 is ambiguous)"),
        ("common_mode: 1 A", "common_mode", "'1 A' is a current, expected a voltage such as '500 mV'"),
        ("source_distortion: {second: 2}", "source_distortion.second", "must be less than 1, got 2"),
        ("source_distortion: {fourth: 0}", "source_distortion.fourth", "unknown key 'fourth'"),
        ("source_offset: 5", "source_offset", "write the unit"),
        ("source_phase: -1 s", "source_phase", "must not be negative, got '-1 s'"),
        ("clock_ppm: 2000", "clock_ppm", "must be at most 1000, got 2000"),
        ("clock_ppm: 20 ppm", "clock_ppm", "expected a number, got '20 ppm'"),
        ("scan_skew: 1 Hz", "scan_skew", "'1 Hz' is a frequency, expected a time such as '20 ms'"),
        ("pickup: 1", "pickup", "must be less than 1, got 1"),
        ("node_capacitance: 1 nF", "node_capacitance", "expected true or false, got '1 nF'"),
        ("diode_temperature: {spread: -1 °C}", "diode_temperature.spread", "must not be negative, got '-1 °C'"),
        ("diode_temperature: {offset: 1 V}", "diode_temperature.offset", "'1 V' is a voltage, expected a temperature"),
    ],
)
def test_an_option_out_of_place_is_one_error(written: str, path: str, says: str) -> None:
    with pytest.raises(ConfigProblems) as raised:
        assembled("divider", f"simulation={{preset: ideal, {written}}}")
    (problem,) = raised.value.problems
    assert problem.path == f"simulation.{path}"
    assert says in problem.message


@pytest.mark.parametrize("farad", [None, np.array([1e-9, 2e-9, 0.0])], ids=["at once", "lagging"])
def test_nodes_of_one_scan_that_are_sampled_late_are_each_at_their_own_time(farad: np.ndarray | None) -> None:
    """All together, with changes that fall between the nodes of a scan, against one node after another."""
    wiring = BoardWiring(
        SOURCES, {f"daq/{k}": node for k, node in enumerate(NODES)}, {"pots/0": "a-b", "pots/1": "b-c"}
    )
    stages = {
        "awg/0": SourceStage(1.01, 1e-4, [lambda volts: volts + 0.01 * volts**2]),
        "awg/1": SourceStage(0.99, 0.0, [lambda volts: volts + 0.02]),
    }
    board = World(graph(), wiring, stages, INITIAL, farad)
    rate, skew_s = 50e3, (3e-6, 0.0, 9e-6)
    coupling = np.array([[0.0, 0.1, 0.2], [0.3, 0.0, -0.1]])
    board.drive(0.0, "awg/0", ToneProgram(0.5, (Tone(1000.0, 0.3, 0.4), Tone(1300.1, 0.1))))
    board.drive(10.2 / rate, "awg/1", ToneProgram(-0.2, (Tone(1000.0, 0.2, 1.0),)))
    board.set(20.1 / rate, {"a-b": 90e-6})
    board.drive(20.1 / rate, "awg/0", None)
    together = board.voltages(NODES, 0.0, rate, 40, skew_s)
    coupled = np.zeros((40, 3))
    for stretch in board.stretches(NODES, 0.0, rate, 40, skew_s, coupling):
        stretch.add_to(coupled)
    for column, (node, late_s) in enumerate(zip(NODES, skew_s, strict=True)):
        alone = board.voltages([node], late_s, rate, 40)[:, 0]
        np.testing.assert_allclose(together[:, column], alone, rtol=0, atol=1e-12)
        picked = np.zeros((40, 1))
        for stretch in board.stretches([node], late_s, rate, 40, (), coupling[:, [column]]):
            stretch.add_to(picked)
        np.testing.assert_allclose(coupled[:, column], picked[:, 0], rtol=0, atol=1e-12)
        assert np.abs(picked[:, 0] - alone).max() > 1e-3
