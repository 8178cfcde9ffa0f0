"""A grid or a layer is wired in one row, and rows of single nodes add to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labrig.assembly import assemble
from labrig.assembly.check import packaged_configs
from labrig.errors import ConfigError

WIRING = """wiring:
  n0_0: {drive: awg/0, through: 50 Ω}
  n{r}_{c}: daq/{r*10+c}
  n2_7: {error: awg/2, through: 1 MΩ}
  n5_4: {error: awg/3, through: 1 MΩ}
  n7_2: {error: awg/4, through: 1 MΩ}
  n9_9: {drive: awg/1, through: 50 Ω}
  pilot: {drive: awg/5, sense: daq/100}
  edges: pots/0..179
"""


def written(tmp_path: Path, wiring: str, config: str = "allostery.yaml") -> Path:
    """The same configuration with another wiring."""
    text = (packaged_configs() / config).read_text(encoding="utf-8")
    rest = re.sub(r"^wiring:\n(?:  .*\n)+", "", text, flags=re.MULTILINE)
    path = tmp_path / config
    path.write_text(rest + "\n" + wiring, encoding="utf-8")
    return path


def test_a_grid_in_one_row_is_the_grid_in_its_rows(tmp_path: Path) -> None:
    rows = assemble(Path("allostery.yaml")).board.hookup
    one = assemble(written(tmp_path, WIRING)).board.hookup
    assert {w.node: (w.channel, w.low_v) for w in one.senses} == {w.node: (w.channel, w.low_v) for w in rows.senses}
    assert (one.inputs, one.outputs, one.pilot, one.edges) == (rows.inputs, rows.outputs, rows.pilot, rows.edges)


@pytest.mark.parametrize("channels", ["daq/0..99", "[daq/0..49, daq/50..99]", "\n    sense: daq/{r*10+c}"])
def test_channels_are_a_range_a_list_or_a_sum(tmp_path: Path, channels: str) -> None:
    one = assemble(written(tmp_path, WIRING.replace("daq/{r*10+c}", channels))).board.hookup
    assert {wire.node: wire.channel for wire in one.senses}["n3_4"] == "34"


def test_the_row_of_a_node_replaces_what_the_pattern_says(tmp_path: Path) -> None:
    wiring = WIRING.replace("daq/{r*10+c}", "daq/{99-r*10-c}").replace("n5_4: {", "n5_4: {cable: 3 nF, ")
    one = assemble(written(tmp_path, wiring)).board.hookup
    assert [wire.lead.farad for wire in one.senses if wire.node == "n5_4"] == [3e-9]
    assert {wire.node: wire.channel for wire in one.senses}["n5_4"] == "45"


def test_layers_are_a_row_each(tmp_path: Path) -> None:
    wiring = """wiring:
  in{k}: {drive: "awg/{k}", through: 50 Ω, sense: "daq/{k}"}
  hid{k}: daq/{6+k}
  out{k}: {error: "awg/{6+k}", through: 100 kΩ, sense: "daq/{12+k}"}
  pilot: {drive: awg/8, sense: daq/14}
  edges: pots/0..47
"""
    assert assemble(written(tmp_path, wiring, "xor.yaml")).board.hookup == assemble(Path("xor.yaml")).board.hookup


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("{r*10+c}", "{x*10+c}", ":13: wiring.n{r}_{c}.sense: '{x*10+c}': there is no variable 'x'"),
        ("n{r}_{c}", "m{r}_{c}", "no node of the network matches 'm{r}_{c}'; the nodes are n0_0"),
        ("n{r}_{c}", "n{r=0..8}_{c}", "10 nodes of programmable edges are not sensed: n9_0"),
        ("  n{r}_{c}: ", "  n0_{c}: daq/0..9\n  n{r}_{c}: ", "'n0_{c}' also names n0_0"),
        ("daq/{r*10+c}", "daq/0..98", "'daq/0..98' names 99 channels for 100 nodes (n{r}_{c})"),
        ("daq/{r*10+c}", "{sense: daq/{r*10+c}}", "a value with braces needs quotes in a map or list"),
        ("{r*10+c}", "{r*10+c+1}", "channel daq/100 is used twice"),
    ],
)
def test_a_mistake_in_a_pattern_is_one_problem(tmp_path: Path, before: str, after: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        assemble(written(tmp_path, WIRING.replace(before, after, 1)))
    says = str(caught.value)
    assert message in says
    assert says.rstrip().endswith("1 problem")


def test_twenty_by_twenty_needs_one_row(tmp_path: Path) -> None:
    path = written(
        tmp_path, WIRING.replace("{r*10+c}", "{r*20+c}").replace("daq/100", "daq/400").replace("0..179", "0..759")
    )
    larger = [
        "network.grid.rows=20",
        "network.grid.columns=20",
        "instruments.daq.channels=401",
        "instruments.pots.channels=760",
    ]
    assert len(assemble(path, larger).board.hookup.senses) == 401
