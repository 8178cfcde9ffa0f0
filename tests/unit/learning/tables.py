"""A regression on a table: the configuration and its CSV in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

CONFIG = """version: 1
name: table
network:
  layered: {{inputs: {inputs}, outputs: 1}}
  programmable: {{edges: all, range: [10 µS, 100 µS]}}
task:
  regression: {{data: {{file: table.csv, inputs: [{columns}], outputs: [y]{more}}}}}
  split: {split}
  encode: {{full_scale: 1 V, complements: true, bias: [-1 V, 1 V]}}
learning:
  error: {{current: 1 µA}}
  loss: squared_error
  rate: 0.3
  epochs: 40
instruments:
  awg:  {{driver: generic.source, channels: {sources}, full_scale: 5 V}}
  daq:  {{driver: generic.digitizer, channels: {sources}, bits: 16, full_scale: 2 V, max_sample_rate: 250 kS/s}}
  pots: {{driver: generic.programmer, part: MCP4251-104, channels: {inputs}, supply: [-2.5 V, 2.5 V]}}
wiring:
  in0..in{last}: {{drive: awg/0..{last}, through: 50 Ω, sense: daq/0..{last}}}
  out0: {{error: awg/{inputs}, through: 100 kΩ, sense: daq/{inputs}}}
  pilot: {{drive: awg/{pilot}, sense: daq/{pilot}}}
  edges: pots/0..{last}
acquisition: {{sample_rate: 50 kS/s, window: 20 ms, band: [200 Hz, 2 kHz]}}
simulation: {{preset: typical}}
"""


def write_table(folder: Path, inputs: Sequence[str], split: str, text: str, more: str = "") -> Path:
    """Write table.yaml and table.csv with these columns as inputs and y as the output; the path of the former."""
    (folder / "table.csv").write_text(text, encoding="utf-8")
    driven = 2 * len(inputs) + 2
    config = CONFIG.format(
        inputs=driven,
        columns=", ".join(inputs),
        more=more,
        split=split,
        sources=driven + 2,
        last=driven - 1,
        pilot=driven + 1,
    )
    path = folder / "table.yaml"
    path.write_text(config, encoding="utf-8")
    return path
