"""Valid configurations as text, and edits that say where the mark of the fault must stand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PLACE = "▲"
"""Stands in an edit just before the character the mark must point at."""

IRIS = """\
version: 1
name: iris
seed: 0
bench: simulated
network:
  layered: {inputs: 6, outputs: 3}
  programmable: {edges: all, range: [10 µS, 100 µS], initial: [30 µS, 80 µS]}
task:
  classification: {data: flowers.csv, label: species}
  split: {train_per_class: 3, test_per_class: 1}
  encode: {full_scale: 1 V, fit: train, clip: 1.2, complements: true, bias: [-1 V, 1 V]}
learning:
  rule: frequency_propagation
  activation: dc
  error: {current: 1 µA, tones: shared}
  loss: softmax_cross_entropy
  temperature: 50 mV
  rate: 0.1
  batch: 1
  epochs: 2
  evaluate: {every: 1}
instruments:
  awg:  {driver: generic.source, channels: 10, bits: 16, full_scale: 5 V}
  daq:  {driver: generic.digitizer, channels: 10, bits: 16, full_scale: 2 V, max_sample_rate: 250 kS/s}
  pots: {driver: generic.programmer, part: MCP4251-104, channels: 18, supply: [-2.5 V, 2.5 V]}
wiring:
  in0..in5:   {drive: awg/0..5, through: 50 Ω, sense: daq/0..5}
  out0..out2: {error: awg/6..8, through: 100 kΩ, sense: daq/6..8}
  pilot:      {drive: awg/9, sense: daq/9}
  edges:      pots/0..17
acquisition: {sample_rate: 50 kS/s, window: 20 ms, settle: auto, tones: auto, band: [200 Hz, 2 kHz]}
limits: {node: 5 V, edge_power: 5 mW, step: 2 s}
storage: {raw: false, durability: process}
simulation: {preset: typical}
"""
"""Three classes of flowers with two features on eighteen resistors."""

ISLANDS = """\
version: 1
name: islands
network:
  edges: [in0-out0]
  programmable: {range: [10 µS, 100 µS]}
task:
  divider: {input: 1 V, target: 800 mV}
learning: {error: {current: 1 µA}, loss: squared_error, rate: 2, epochs: 2}
instruments:
  awg:  {driver: generic.source, channels: 3, full_scale: 5 V}
  daq:  {driver: generic.digitizer, channels: 5, full_scale: 2 V, max_sample_rate: 250 kS/s}
  pots: {driver: generic.programmer, part: MCP4251-104, channels: 2, supply: [-2.5 V, 2.5 V]}
wiring:
  in0:   {drive: awg/0, through: 50 Ω, sense: daq/0}
  out0:  {error: awg/1, through: 100 kΩ, sense: daq/1}
  pilot: {drive: awg/2, sense: daq/2}
  edges: pots/0
acquisition: {sample_rate: 50 kS/s, window: 20 ms, band: [200 Hz, 2 kHz]}
"""
"""One edge between a source and a loaded output, and nothing that could be left out."""

FLOWERS = "petal_cm,sepal_cm,species\n" + "".join(
    f"{k + 0.1 * example:.1f},{5 - k + 0.2 * example:.1f},{name}\n"
    for k, name in enumerate(("setosa", "versicolor", "virginica"))
    for example in range(5)
)


@dataclass(frozen=True)
class Edit:
    """Replaces `old`, which must stand once in the text, by `new`, in which PLACE marks where the fault is."""

    old: str
    new: str


HIDDEN = Edit("{inputs: 6, outputs: 3}", "{inputs: 6, hidden: [{nodes: 2, shunt: {diodes: BAT54}}], outputs: 3}")


def edited(text: str, *edits: Edit) -> tuple[str, list[tuple[int, int]]]:
    """The text after the edits, and line and column (from 1) of every PLACE in it, in the order of the text."""
    for edit in edits:
        assert text.count(edit.old) == 1, f"{edit.old!r} stands {text.count(edit.old)} times in the text"
        text = text.replace(edit.old, edit.new)
    lines, places = [], []
    for number, line in enumerate(text.split("\n"), 1):
        while PLACE in line:
            places.append((number, line.index(PLACE) + 1))
            line = line.replace(PLACE, "", 1)
        lines.append(line)
    return "\n".join(lines), places


def write(folder: Path, text: str, flowers: str = FLOWERS) -> Path:
    """The configuration and its data in a folder."""
    (folder / "flowers.csv").write_text(flowers, encoding="utf-8", errors="surrogateescape")
    path = folder / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    return path
