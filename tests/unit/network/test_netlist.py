"""SPICE netlists: how they are read, and circuits whose voltages are known by hand."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.network.networks import XOR_INPUT, conductances, xor_board

from labrig.network.physics import Edge
from labrig.network.resistive.graph import Graph
from labrig.network.resistive.netlist import NetlistError, read_netlist
from labrig.network.resistive.netlist.models import SPICE_THERMAL_VOLTAGE_V
from labrig.network.resistive.netlist.transient import node_voltages, operating_point
from labrig.network.resistive.netlist.values import ValueProblem, evaluate, number
from labrig.network.resistive.netlist.writer import netlist_text
from labrig.network.resistive.solve.solver import Solver


def circuit(folder: Path, text: str):
    path = folder / "c.cir"
    path.write_text(text, encoding="utf-8")
    return read_netlist(path)


def voltages(folder: Path, text: str) -> dict[str, float]:
    found = circuit(folder, f"title\n{text}\n.op\n.end\n")
    return dict(zip(found.nodes, operating_point(found).tolist(), strict=True))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[("4.7k", 4700), ("10uF", 1e-5), ("1Meg", 1e6), ("1m", 1e-3), ("2.5e-3", 2.5e-3), ("1mil", 25.4e-6)],
        *[("1kOhm", 1e3), ("-3n", -3e-9), (".5", 0.5), ("100µ", 1e-4), ("1e3k", 1e6), ("1f", 1e-15), ("5V", 5)],
    ],
)
def test_numbers(text: str, value: float) -> None:
    assert number(text) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(("text", "hint"), [("4k7", "write 4.7k"), ("1,5", "not a number"), ("k", "not a number")])
def test_what_is_not_a_number(text: str, hint: str) -> None:
    with pytest.raises(ValueProblem, match=hint):
        number(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[
            ("2*a+1k", 1006),
            ("-2^2", -4),
            ("2**(3**2)", 512),
            ("(-2)^2", 4),
            ("max(1,a)/2", 1.5),
            ("(1+2)*3", 9),
            ("sqrt(a*a)", 3),
        ],
        *[("1/4 - -1", 1.25), ("ln(exp(2))", 2)],
    ],
)
def test_expressions(text: str, value: float) -> None:
    assert evaluate(text, {"a": 3.0}) == pytest.approx(value)


@pytest.mark.parametrize(
    "text", ["1/0", "b", "(1", "1 2", "foo(1)", "sqrt(-1)", "", "1+", "10^400", "(-8)^0.5", "2^3^2", "(-2)**3"]
)
def test_expressions_without_a_value(text: str) -> None:
    with pytest.raises(ValueProblem):
        evaluate(text, {"a": 3.0})


class TestCircuits:
    """By hand."""

    def test_a_divider_with_parameters_in_any_order(self, tmp_path):
        found = voltages(tmp_path, ".param r={2*base}\n.param base=1k\nV1 in 0 DC 3\nR1 in out {r}\nR2 out 0 'base'")
        assert found == pytest.approx({"in": 3.0, "out": 1.0})

    def test_continued_lines_and_comments(self, tmp_path):
        found = voltages(tmp_path, "* a comment\nV1 in 0\n+ DC 3 ; volts\n\nR1 in out\n* between\n+ 2k\nR2 out GND 1k")
        assert found["out"] == pytest.approx(1.0)

    def test_subcircuits_inside_one_another(self, tmp_path):
        text = """.subckt half a b params: r=1k
        R1 a m {r}
        R2 m b {r}
        .ends
        .subckt quarter a b
        X1 a mid half r=500
        X2 mid b half
        .ends quarter
        V1 in 0 6
        Xall in 0 quarter"""
        found = voltages(tmp_path, text)
        assert found["xall.mid"] == pytest.approx(4.0)
        assert found["xall.x1.m"] == pytest.approx(5.0)

    def test_an_included_file(self, tmp_path):
        (tmp_path / "parts.lib").write_text(".model dm D(IS=1n)\n.subckt load a\nR1 a 0 1k\n.ends\n")
        found = voltages(tmp_path, '.include "parts.lib"\nI1 0 a 2m\nX1 a load')
        assert found["a"] == pytest.approx(2.0)

    def test_voltage_sources_in_a_row_and_between_nodes(self, tmp_path):
        found = voltages(tmp_path, "V1 a 0 1\nV2 b a 2\nR1 b c 1k\nV3 d c 0.5\nR2 d 0 1k\nR3 c 0 1k")
        # c carries (3 − c)/1k = c/1k + (c + 0.5)/1k
        assert found == pytest.approx({"a": 1.0, "b": 3.0, "c": 2.5 / 3, "d": 2.5 / 3 + 0.5})

    def test_a_current_flows_from_plus_to_minus_through_its_source(self, tmp_path):
        assert voltages(tmp_path, "I1 a 0 1m\nR1 a 0 1k")["a"] == pytest.approx(-1.0)

    def test_the_operating_point_takes_the_level_or_where_the_wave_begins(self, tmp_path):
        found = voltages(tmp_path, "V1 a 0 SIN(1 2 1k 0 0 90)\nV2 b 0 DC 5 SIN(0 1 1k)\nR1 a b 1k")
        assert found == pytest.approx({"a": 3.0, "b": 5.0})

    def test_levels_as_schematic_editors_write_them(self, tmp_path):
        found = voltages(tmp_path, "V1 a GND DC ac=1 AC 1\nV2 b GND dc(5)\nV3 c 0 DC = 2 AC 1\nR1 a b 1k\nR2 b c 1k")
        assert found == pytest.approx({"a": 0.0, "b": 5.0, "c": 2.0})

    def test_a_sine_as_schematic_editors_write_it(self, tmp_path):
        found = voltages(tmp_path, "V1 a GND SINE(1 2 1k 0 0 90 0)\nV2 b 0 SIN( 1 2 1k  )\nR1 a b 1k")
        assert found == pytest.approx({"a": 3.0, "b": 1.0})
        with pytest.raises(NetlistError, match="write SIN"):
            voltages(tmp_path, "V1 a GND SINE(1 2 1k 0 0 90 5)\nR1 a 0 1k")

    def test_a_capacitor_charges_as_an_exponential(self, tmp_path):
        found = circuit(tmp_path, "rc\nV1 in 0 PWL(0 0 1n 1)\nR1 in out 1k\nC1 out 0 1u\n.tran 10u 5m\n")
        times = np.linspace(0, 5e-3, 101)
        out = node_voltages(found, times)[:, list(found.nodes).index("out")]
        np.testing.assert_allclose(out, 1 - np.exp(-times / 1e-3), atol=2e-6)

    def test_a_sine_behind_an_rc(self, tmp_path):
        found = circuit(tmp_path, "rc\nV1 in 0 SIN(0 1 1k)\nR1 in out 1k\nC1 out 0 1u\n.tran 10u 5m\n")
        times = np.linspace(0, 20e-3, 401)
        out = node_voltages(found, times)[:, list(found.nodes).index("out")]
        omega, tau = 2 * np.pi * 1e3, 1e-3
        answer = (np.sin(omega * times) - omega * tau * (np.cos(omega * times) - np.exp(-times / tau))) / (
            1 + (omega * tau) ** 2
        )
        np.testing.assert_allclose(out, answer, atol=5e-6)


def _doubling(levels: int) -> str:
    """Subcircuits, each of which contains two of the level below."""
    lines = [".subckt s0 a b", "R1 a b 1k", ".ends"]
    for k in range(1, levels + 1):
        lines += [f".subckt s{k} a b", f"X1 a b s{k - 1}", f"X2 a b s{k - 1}", ".ends"]
    return "\n".join([*lines, "V1 a 0 1", f"X a b s{levels}"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("L1 a 0 1m", ":2: L1: elements of this kind are not supported"),
        ("R1 a 0 0", r":2: R1: the resistance must be 1e-09 to 1e\+18 Ω, not 0 Ω"),
        ("V1 a 0 1\nR1 a b 1k\nC1 b c 1n", ":4: node c has no DC path to ground"),
        ("V1 a 0 1\nV2 0 a 2\nR1 a 0 1", ":3: v2 closes a loop"),
        ("D1 a 0 dm", ":2: D1: there is no .model dm"),
        ("D1 a 0 m\n.model m npn(bf=1)", "the model m is of type npn"),
        ("D1 a 0 m\n.model m d(ikf=1)", "the model m has IKF, which is not supported"),
        ("R1 a 0 {x}", ":2: R1: {x}: 'x' is not a parameter"),
        (".param a={b}\n.param b={a}", ":2: a: {b}"),
        ("X1 a nothing", "there is no .subckt nothing"),
        (".subckt s a b\nR1 a b 1\n.ends\nX1 a s", r":5: X1: s has 2 pins \(.*:2\), not 1"),
        (".subckt s a\nX1 a s\n.ends\nX1 a s", "nested more than 50 deep"),
        (_doubling(45), "more than 100000 instances of subcircuits"),
        (f"R1 a 0 {{{'(' * 5000}1k{')' * 5000}}}", ":2: R1: .* is nested too deeply"),
        (f"R1 a 0 {{{'-' * 5000}1k}}", ":2: R1: .* is nested too deeply"),
        ("V1 a 0 1e400\nR1 a 0 1k", ":2: V1: '1e400' is too large"),
        ("V1 a 0 SIN(0 1e400 50)\nR1 a 0 1k", ":2: V1: '1e400' is too large"),
        (".subckt s a", ".subckt has no .ends"),
        ("V1 a 0 PULSE(0 1)", "PULSE is not supported; sources play DC, SIN or PWL"),
        ("V1 a 0 SIN(0 1", r"SIN\( has no closing parenthesis"),
        ("V1 a 0 PWL(0 1 0 2)", "the times of a PWL must increase"),
        ("R1 a 0 1k tc1=1", "tc1= is not supported"),
        ("R1 a 0 1k\nR1 a 0 1k", ":3: the name r1 is already used in .*:2"),
        (".include nowhere.lib", "cannot read .*nowhere.lib: No such file"),
        (".ic v(a)=1", ".ic is not supported"),
        ("R1 a 0 1k\n.tran 1u 1m uic", "uic is not supported"),
        (".control\nrun", ".control has no .endc"),
        ("X1 a s m=2\n.subckt s p\nR1 p 0 1\n.ends", "m= of a subcircuit is not supported"),
        (".options rshunt=1e9\nR1 a 0 1", "rshunt is not supported"),
        ("", "the netlist has no elements"),
    ],
)
def test_what_cannot_be_meant(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(NetlistError, match=message):
        voltages(tmp_path, text)


def test_an_element_in_the_title_is_not_lost(tmp_path: Path) -> None:
    with pytest.raises(NetlistError, match="R1 looks like an element"):
        circuit(tmp_path, "R1 a 0 1k\nV1 a 0 1\n")


def test_a_title_may_begin_like_an_element(tmp_path: Path) -> None:
    assert circuit(tmp_path, "Diode bridge with capacitor\nR1 a 0 1k\n").title == "Diode bridge with capacitor"


def test_ideal_diodes_keep_their_exponential_at_high_currents(tmp_path: Path) -> None:
    found = voltages(tmp_path, "V1 a 0 1.2\nD1 a m d\nD2 m 0 d area=2\n.model d d(is=1u)")
    # The same current in both: m is below the middle by half of Vt·ln 2, at 17 kA.
    assert found["m"] == pytest.approx(0.6 - 0.5 * SPICE_THERMAL_VOLTAGE_V * np.log(2), abs=1e-9)
    with pytest.raises(NetlistError, match=r":3: d1 would carry more than 1e\+06 A.*RS"):
        voltages(tmp_path, "V1 a 0 3\nD1 a m d\nD2 m 0 d area=2\n.model d d(is=1u)")


def test_the_area_of_a_diode_does_not_scale_its_breakdown_current(tmp_path: Path) -> None:
    # As in ngspice-39: IBV = 1 mA at BV = 5 V, whatever the area; two diodes with m=2 share it.
    text = "I1 0 a 1m\nD1 0 a d {}\n.model d d(is=1p bv=5 ibv=1m)"
    drops = {size: voltages(tmp_path, text.format(size))["a"] for size in ("", "area=3", "m=2")}
    assert drops[""] == pytest.approx(5, abs=1e-6)
    assert drops["area=3"] == pytest.approx(5, abs=1e-6)
    assert drops["m=2"] == pytest.approx(5 - SPICE_THERMAL_VOLTAGE_V * np.log(2), abs=1e-6)


@pytest.mark.parametrize(
    ("instance", "subcircuit", "ohm"),
    [
        ("w=500", "s p q w=1 u={w*2}\nR1 p q {u}", 1000),  # a default that depends on what the instance gives
        ("", "s p q u={w*2} w=500\nR1 p q {u}", 1000),
        ("", "s p q\n.param h={3*g}\n.param g=7k\nR1 p q {h}", 21e3),  # the inner g, though it comes later
        ("", "s p q h={3*g}\n.param g=7k\nR1 p q {h}", 21e3),
        ("", "s p q\n.param g={2*g}\nR1 p q {g}", 2000),
        ("r=3k", "s p q r=1k\n.param r=5k\nR1 p q {r}", 3000),
        ("", "s p q r=1k\n.param r=5k\nR1 p q {r}", 5000),
        ("m=2", "s p q m=1\nR1 p q {1k*m}", 2000),
    ],
)
def test_parameters_of_a_subcircuit_are_those_of_ngspice(
    instance: str, subcircuit: str, ohm: float, tmp_path: Path
) -> None:
    text = f".param g=1k\nV1 a 0 1\nX1 a b s {instance}\nR0 b 0 1k\n.subckt {subcircuit}\n.ends"
    assert voltages(tmp_path, text)["b"] == pytest.approx(1000 / (1000 + ohm))


def test_a_model_has_the_parameters_of_where_it_is_written(tmp_path: Path) -> None:
    text = "I1 0 a 1m\nI2 0 b 1m\nX1 a s z=3n\nD2 b 0 d\n.subckt s p z=1n\nD1 p 0 d\n.ends\n"
    text += ".param z=5n\n.model d d(is={z})"
    found = voltages(tmp_path, text)
    assert found["a"] == pytest.approx(found["b"], abs=1e-12)


def test_a_diode_whose_ends_are_held(tmp_path: Path) -> None:
    assert voltages(tmp_path, "V1 a 0 0.5\nD1 a 0 d\nD2 a a d\n.model d d") == {"a": 0.5}


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    found = circuit(tmp_path, "t\nV1 a 0 1\nD1 a 0 m\n.model m d(is=1n cjo=4p tt=4n)\n.ac dec 10 1 1k\n.op\n")
    assert [note.partition("c.cir")[2] for note in found.notes] == [
        ":4: model m: CJO, TT left out; its diodes store no charge",
        ":5: .ac is ignored; only .op and .tran are computed",
    ]


@given(st.text(alphabet="rcdvix01 ab.k={}()+*'\"\nsubcktendmol-,;", max_size=120))
def test_whatever_is_written_only_an_error_by_name_comes(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("netlist") / "c.cir"
    path.write_text(f"title\n{text}\n")
    with suppress(NetlistError):
        operating_point(read_netlist(path))


def test_a_board_is_read_as_it_was_written(tmp_path: Path) -> None:
    board = xor_board()
    siemens = conductances(board, 1)
    solver = Solver(board)
    solver.set_parameters(siemens)
    found = circuit(tmp_path, netlist_text(board, siemens, XOR_INPUT, "xor"))
    there = dict(zip(found.nodes, operating_point(found).tolist(), strict=True))
    np.testing.assert_allclose([there[node] for node in board.nodes], solver.states(XOR_INPUT), rtol=0, atol=1e-11)


def test_nodes_whose_names_spice_does_not_take_are_listed():
    edges = tuple(
        Edge(f"e{k}", a, b) for k, (a, b) in enumerate([("α", "β"), ("α", "A"), ("a", "A"), ("k1", "ground")])
    )
    board = Graph(("α", "β", "A", "a", "k1"), edges)
    lines = netlist_text(board, np.full(4, 1 / 8192), np.zeros(0), "names", ["a comment"]).splitlines()
    assert lines[:2] == ["* names", "* a comment"]
    assert sorted(lines[2:5]) == ["* node a is a_2 here", "* node α is _ here", "* node β is __2 here"]
    assert lines[5:8] == ["", "r_e0 _ __2 8192", "r_e1 _ A 8192"]
    assert "r_e2 a_2 A 8192" in lines
