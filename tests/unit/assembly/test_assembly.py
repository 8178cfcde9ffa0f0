from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cli.config_texts import IRIS, ISLANDS, Edit, edited, write

from labrig.assembly import assemble
from labrig.config.problems import ConfigProblems
from labrig.errors import ConfigError


def faults(path: Path, *overrides: str) -> list[tuple[str, str]]:
    """Path and message of every fault; none is an error of the test."""
    with pytest.raises(ConfigProblems) as raised:
        assemble(path, overrides)
    return [(fault.path, fault.message) for fault in raised.value.problems]


def islands(folder: Path, *edits: Edit) -> Path:
    return write(folder, edited(ISLANDS, *edits)[0])


class TestBoard:
    def test_layered_inputs_and_outputs_count_by_number_whatever_the_order_of_the_rows(self, tmp_path: Path) -> None:
        text = edited(IRIS, Edit("in0..in5:   {drive: awg/0..5", "in5..in0:   {drive: awg/0..5"))[0]
        hookup = assemble(write(tmp_path, text)).board.hookup
        assert [wire.node for wire in hookup.inputs] == [f"in{k}" for k in range(6)]
        assert [wire.channel for wire in hookup.inputs] == ["5", "4", "3", "2", "1", "0"]

    def test_other_networks_count_in_the_order_of_the_rows(self) -> None:
        hookup = assemble(Path("allostery.yaml")).board.hookup
        assert [wire.node for wire in hookup.inputs] == ["n0_0", "n9_9"]
        assert [wire.node for wire in hookup.outputs] == ["n2_7", "n5_4", "n7_2"]

    def test_without_through_the_source_has_its_own_resistance(self, tmp_path: Path) -> None:
        path = islands(tmp_path, Edit("drive: awg/0, through: 50 Ω", "drive: awg/0"))
        override = "instruments.awg.output_resistance=75 Ω"
        assert assemble(path, [override]).board.hookup.inputs[0].ohm == 75.0

    def test_the_nodes_know_the_rails_of_their_parts(self, tmp_path: Path) -> None:
        senses = assemble(islands(tmp_path)).board.hookup.senses
        rails = {wire.node: (wire.low_v, wire.high_v) for wire in senses}
        assert rails["in0"] == rails["out0"] == (-2.5, 2.5)
        assert rails["pilot"] == (-np.inf, np.inf)

    def test_fixed_resistors_and_diodes_are_in_the_graph(self, tmp_path: Path) -> None:
        extra = (
            "  resistors: [{from: out0, to: ground, value: 10 kΩ}]\n"
            "  diodes: [{from: ground, to: out0, part: 1N4148, count: 2}]\n  programmable: {range"
        )
        graph = assemble(
            islands(tmp_path, Edit("  programmable: {range", extra)),
            ["task.allostery={inputs: [1 V], targets: [500 mV]}"],
        ).board.network
        assert [(one.a, one.b, one.ohm) for one in graph.resistors] == [("out0", "ground", 10e3)]
        assert [(one.anode, one.cathode, one.count) for one in graph.diodes] == [("ground", "out0", 2)]

    def test_a_driven_node_off_the_programmable_edges_need_not_be_sensed(self, tmp_path: Path) -> None:
        path = islands(
            tmp_path,
            Edit("  programmable: {range", "  resistors: [{from: a, to: out0, value: 10 kΩ}]\n  programmable: {range"),
            Edit("  out0:", "  a: {drive: awg/2}\n  out0:"),
            Edit("awg/2, sense", "awg/3, sense"),
            Edit("channels: 3, full", "channels: 4, full"),
        )
        assembly = assemble(path, ["task.allostery={inputs: [1 V, 1 V], targets: [500 mV]}"])
        assert [wire.node for wire in assembly.board.hookup.inputs] == ["in0", "a"]

    @pytest.mark.parametrize("builder", ["layered={inputs: 1000, outputs: 1000}", "grid={rows: 1000, columns: 1000}"])
    def test_a_network_that_no_board_has_is_refused_before_it_fills_the_memory(
        self, builder: str, tmp_path: Path
    ) -> None:
        ((path, message),) = faults(islands(tmp_path), f"network.{builder}")
        assert path == f"network.{builder.partition('=')[0]}"
        assert "programmable edges are too many; use at most 100000" in message


class TestEdgesOfTheWiring:
    TWO = (Edit("edges: [in0-out0]", "edges: [in0-out0, out0-ground]"),)

    def channels(self, path: Path, *overrides: str) -> list[str]:
        assembly = assemble(path, ["task.allostery={inputs: [1 V], targets: [500 mV]}", *overrides])
        return [edge.channel for edge in assembly.board.hookup.edges]

    @pytest.mark.parametrize("written", ["pots/1..0", "[pots/1, pots/0]", "table.csv", "[table.csv]"])
    def test_ranges_lists_and_tables(self, written: str, tmp_path: Path) -> None:
        table = "edge, pot\nout0-ground, pots/0\n".replace(", ", ",") + "in0-out0,pots/1\n"
        (tmp_path / "table.csv").write_text(table, encoding="utf-8")
        path = islands(tmp_path, *self.TWO, Edit("edges: pots/0", f"edges: {written}"))
        assert self.channels(path) == ["1", "0"]

    @pytest.mark.parametrize(
        ("table", "says"),
        [
            ("edge,wiper\n", "table.csv has no column 'pot'; its columns are edge, wiper"),
            ("edge,pot\nin0-out0,pots/0\n", "table.csv has no channel for out0-ground"),
            (
                "edge,pot\nin0-out0,pots/0\nout0-ground,pots/1\na-b,pots/1\n",
                "table.csv:4:1: the network has no edge 'a-b'",
            ),
            ("edge,pot\nin0-out0,pots/0\nout0-ground,pots/0\n", "table.csv:3:13: pot 'pots/0' appears twice"),
            ("edge,pot\nin0-out0,pots/0\nin0-out0,pots/1\n", "table.csv:3:1: edge 'in0-out0' appears twice (first at"),
            ("edge,pot\nin0-out0,pots/0\nout0-ground,\n", "table.csv:3:13: column 'pot': the cell is empty"),
            (
                "edge,pot\nin0-out0,pots/0\nout0-ground,pots/9\n",
                "table.csv:3:13: 'pots/9': pots has 2 channels, 0 to 1",
            ),
        ],
    )
    def test_a_table_that_does_not_fit(self, table: str, says: str, tmp_path: Path) -> None:
        (tmp_path / "table.csv").write_text(table, encoding="utf-8")
        path = islands(tmp_path, *self.TWO, Edit("edges: pots/0", "edges: table.csv"))
        ((where, message),) = faults(path)
        assert where == "wiring.edges"
        assert message.startswith(says)

    def test_a_fault_in_a_list_is_marked_at_its_item(self, tmp_path: Path) -> None:
        path = islands(tmp_path, *self.TWO, Edit("edges: pots/0", "edges: [pots/0, pots/2]"))
        assert [where for where, _ in faults(path)] == ["wiring.edges[1]"]


class TestTask:
    @pytest.mark.parametrize(
        ("name", "inputs", "outputs"),
        [
            ("iris.yaml", 10, 3),
            ("xor.yaml", 6, 2),
            ("regression.yaml", 7, 2),
            ("allostery.yaml", 2, 3),
            ("divider.yaml", 1, 1),
        ],
    )
    def test_the_packaged_tasks_fit_their_boards(self, name: str, inputs: int, outputs: int) -> None:
        assembly = assemble(Path(name))
        assert assembly.task.activation.shape[1] == len(assembly.board.hookup.inputs) == inputs
        assert len(assembly.board.hookup.outputs) == outputs

    def test_the_seed_draws_the_split_and_the_task(self) -> None:
        for name in ("iris.yaml", "regression.yaml", "allostery.yaml"):
            drawn = ["task.allostery.targets=random"] if name == "allostery.yaml" else []
            first, same, other = (assemble(Path(name), [f"seed={seed}", *drawn]).task for seed in (1, 1, 2))
            assert np.array_equal(first.train, same.train)
            assert np.array_equal(first.target, same.target)
            assert not (np.array_equal(first.train, other.train) and np.array_equal(first.target, other.target))

    @pytest.mark.parametrize(
        ("override", "where"),
        [
            ("task.divider={input: 1 V, target: 0 V}", "task.divider.target"),
            ("task.allostery={inputs: [1 V], targets: [0 V]}", "task.allostery.targets"),
        ],
    )
    def test_targets_of_0_v_have_no_scale(self, override: str, where: str, tmp_path: Path) -> None:
        ((path, message),) = faults(islands(tmp_path), override)
        assert path == where
        assert "no scale" in message

    @pytest.mark.parametrize(
        ("config", "overrides", "where", "says"),
        [
            ("divider.yaml", ["task.divider={input: 1 V, target: 1.1 V}"], "task.divider.target",
             "target 1.1 V for out0 is out of reach: it can be 0 V to 1 V"),
            ("divider.yaml", ["task.divider={input: 1 V, target: -1 mV}"], "task.divider.target", "0 V to 1 V"),
            ("xor.yaml", ["task.xor={amplitude: 500 mV, target: 1.1 V}"], "task.xor.target",
             "target -1.1 V for out0 - out1 in example 00 is out of reach: it can be -1 V to 1 V, because the drives "
             "and ground span -500 mV to 500 mV"),
            ("allostery.yaml", ["task.allostery={inputs: [0 V, 1 V], targets: [0.5 V, 2 V, 1 V]}"],
             "task.allostery.targets[1]", "target 2 V for n5_4 is out of reach: it can be 0 V to 1 V"),
        ],
    )  # fmt: skip
    def test_a_target_that_no_network_reaches(self, config: str, overrides: list[str], where: str, says: str) -> None:
        ((path, message),) = faults(Path(config), *overrides)
        assert path == where
        assert says in message

    @pytest.mark.parametrize(
        ("config", "override"),
        [
            ("divider.yaml", "task.divider={input: 1 V, target: 1 V}"),
            ("divider.yaml", "task.divider={input: -1 V, target: -0.9 V}"),
            ("xor.yaml", "task.xor={amplitude: 500 mV, target: 1 V}"),
            ("regression.yaml", "task.regression.matrix=[[9, 0, 0], [0, 0.1, 0]]"),  # its best fit
        ],
    )
    def test_a_target_at_the_end_of_the_reach_is_left_alone(self, config: str, override: str) -> None:
        assemble(Path(config), [override])

    @pytest.mark.parametrize(
        ("matrix", "says"),
        [
            ("[[0.1, 0.2], [0.3]]", "all rows must have the same length"),
            ("[[0.1, 0.2]]", "1 outputs"),
            ("[[0.1], [0.2]]", "3 inputs (1 features, their complements, 1 bias), but 7 nodes are driven"),
        ],
    )
    def test_a_matrix_that_does_not_fit(self, matrix: str, says: str) -> None:
        found = faults(Path("regression.yaml"), f"task.regression.matrix={matrix}")
        assert any(says in message for _, message in found)

    @pytest.mark.parametrize("content", ["a,b\n" + "x" * 200_000 + ",1\n", 'a,b\n1,"setosa\n2,c\n'])
    def test_a_table_that_is_no_csv(self, content: str, tmp_path: Path) -> None:
        path = write(tmp_path, IRIS, content)
        ((where, _),) = faults(path, "task.classification.label=b")
        assert where == "task.classification.data"


class TestDrive:
    @pytest.mark.parametrize(
        ("overrides", "where", "says"),
        [
            (["limits.node=1 V"], "task.encode.full_scale", "above limits.node, 1 V"),
            (["instruments.awg.full_scale=1.1 V"], "task.encode.full_scale", "above the full scale of awg, 1.1 V"),
            (["task.encode.bias=[-2.1 V, 1 V]"], "task.encode.bias[0]", "in4 is driven with up to 2.1 V"),
            (["learning.activation=sine", "instruments.pots.supply=[-1.5 V, 4 V]",
              "task.encode={full_scale: 1 V, bias: [0 V, 1.8 V]}"],
             "task.encode.bias[1]", "outside the supply of its parts, -1.5 V to 4 V"),
        ],
    )  # fmt: skip
    def test_the_key_that_sets_the_voltage_is_to_blame(
        self, overrides: list[str], where: str, says: str, tmp_path: Path
    ) -> None:
        found = faults(write(tmp_path, IRIS), *overrides)
        assert (where, True) in [(path, says in message) for path, message in found]


class TestRealInstruments:
    """What no bench of instruments could do is refused before one is touched."""

    @pytest.mark.parametrize(
        ("override", "place", "message"),
        [
            ("instruments.err1.model=SDG9999", "instruments.err1.model", "does not support model 'SDG9999'"),
            ("instruments.err1.resource=hello", "instruments.err1.resource", "is not a VISA resource"),
            (
                "instruments.err2.resource='TCPIP::192.0.2.20::INSTR'",
                "instruments.err2.resource",
                "is already the address of err1",
            ),
            ("instruments.pots.resource=socket://", "instruments.pots.resource", "has no port"),
            ("instruments.pots.chips=[{part: MCP4251-104, count: 0}]", "instruments.pots.chips[0].count", "at least 1"),
            ("instruments.pots.chips=[]", "instruments.pots.chips", "expected at least 1 item, got 0"),
            ("instruments.pots.baud=99999999999", "instruments.pots.baud", "at most 2000000"),
            ("instruments.daq.grpc=nonsense", "instruments.daq.grpc", "'nonsense' has no port"),
            ("instruments.err1.clock=internal", "instruments.err1.clock", "follows daq's clock"),
            ("timing.trigger.to=[err1, err2, daq]", "timing.trigger.to[2]", "daq is not a source"),
            ("timing.clock.followers=[err1, err1, err2]", "timing.clock.followers[1]", "err1 is named twice"),
            ("acquisition.sample_rate=900 kS/s", "acquisition.sample_rate", "at most 71.43 kS/s"),
            (
                "instruments.daq.model=USB-6363",
                "timing.clock",
                "name the terminal of its 10 MHz output (line: PFI1)",
            ),
            ("instruments.daq.reference_clock=onboard", "timing.clock", "runs on its own oscillator"),
            ("timing.clock.line=PFI0", "timing.clock.line", "PFI0 already carries the trigger"),
            ("timing.clock.followers=[err1]", "timing", "write 'clock: {master: daq, followers: [err1, err2]}'"),
            ("timing.trigger.to=[err2]", "timing", "write 'trigger: {from: daq/start, to: [err2, err1], line: PFI0}'"),
            (
                "instruments.awg.resource=PXI1Slot4",
                "instruments.daq.resource",
                "a PXIe-6738 in awg, but a PXIe-6363 here",
            ),
            ("learning.error.current=50 nA", "learning.error.current", "use at least 300 nA"),
        ],
    )
    def test_it_is_refused_with_its_place(self, override: str, place: str, message: str) -> None:
        ((where, said),) = faults(Path("iris_wire.yaml"), override)
        assert where == place
        assert message in said

    def test_a_pilot_of_two_tones_needs_an_interface_that_carries_an_upload(self) -> None:
        socket = "instruments.err2.resource='TCPIP::192.0.2.21::5025::SOCKET'"
        ((where, said),) = faults(Path("iris_wire.yaml"), "learning.activation=sine", socket)
        assert where == "instruments.err2.resource"
        assert "plays at most 1 tone at once as it is connected, but the pilot needs 2" in said
        assemble(Path("iris_wire.yaml"), ["learning.activation=sine"])

    @pytest.mark.parametrize(
        ("config", "overrides", "place", "says"),
        [
            (
                "iris.yaml",
                ["task.encode.full_scale=1 pV"],
                "task.encode.full_scale",
                "two examples differ by at most 2.2 pV",
            ),
            ("xor.yaml", ["task.xor={amplitude: 1 nV, target: 1 nV}"], "task.xor.amplitude", "two examples differ by"),
            ("divider.yaml", ["task.divider={input: 1 pV, target: 0.5 pV}"], "task.divider.input", "the inputs are"),
        ],
    )
    def test_inputs_that_no_digitizer_could_see_are_refused(
        self, config: str, overrides: list[str], place: str, says: str
    ) -> None:
        ((where, said),) = faults(Path(config), *overrides)
        assert where == place
        assert says in said
        assert "use at least" in said

    def test_the_channels_of_a_differential_digitizer_are_named_with_their_gap(self) -> None:
        _, message = faults(Path("iris_wire.yaml"), "instruments.daq.terminal=differential")[0]
        assert message == "'daq/ai8': daq has 16 channels, ai0 to ai7, ai16 to ai23"

    def test_an_error_that_no_digitizer_could_see_is_refused(self) -> None:
        ((where, said),) = faults(Path("iris.yaml"), "learning.error.current=1 fA")
        assert where == "learning.error.current"
        assert "no node changes by more than the quantization noise of daq" in said


class TestTiming:
    def test_a_window_is_held_against_the_deadline_before_its_tones_are_planned(self, tmp_path: Path) -> None:
        ((where, message),) = faults(islands(tmp_path), "acquisition.window=1e9 s")
        assert where == "acquisition.window"
        assert "limits.step allows only 2 s" in message

    def test_a_window_no_memory_holds(self, tmp_path: Path) -> None:
        ((where, message),) = faults(islands(tmp_path), "acquisition.window=1e9 s", "limits.step=1e10 s")
        assert where == "acquisition.window"
        assert "is too long; the maximum is 16777216" in message

    def test_a_watchdog_outlasts_two_acquisitions(self) -> None:
        (fault,) = faults(Path("iris_wire.yaml"), "instruments.pots.watchdog=100 ms")
        assert fault == (
            "instruments.pots.watchdog",
            "100 ms is too short: nothing is sent during an acquisition of 35.33 ms; use at least 170.7 ms, "
            "or 0 s for no watchdog",
        )
        assemble(Path("iris_wire.yaml"), ["instruments.pots.watchdog=171 ms"])

    def test_auto_settles_as_long_as_the_slowest_source(self, tmp_path: Path) -> None:
        assembly = assemble(islands(tmp_path), ["instruments.awg.settle=1 ms"])
        assert assembly.acquisition_timing.plan.settle_samples == 50


def test_a_packaged_file_is_suggested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"did you mean 'iris_hidden\.yaml'"):
        assemble(Path("iris-hidden.yaml"))
