"""The rows of a journal. The fields of Step, Evaluation, Event and so on are the columns of its tables.

A field that may be None is a column that may be empty: for large boards not every gradient is stored, and a journal of
an earlier schema did not store everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from labrig.runs.journal.kinds import Array, Rows, State, Steady
from labrig.runs.journal.tables import Table

VERSION = 6
"""Version of the schema written here; migrations.py says what each version added."""


@dataclass(frozen=True)
class Step:
    """One update of the conductances. Arrays have shape (E,), in the rig's order of edges.

    Parameters
    ----------
    index
        Number of the step, from 1.
    epoch
        Number of the epoch, from 0.
    examples
        Indices of the examples in the batch.
    loss
        Mean loss of the batch (in the loss's own unit); None if the batch was left out because of a fault.
    gamma
        Largest γ of the batch (A per unit of ∂C/∂v).
    skipped
        Number of examples in the batch that had zero error or were left out.
    gradient, u_gradient
        ∂C/∂θ of the batch mean and its standard error (loss unit per S); None for a step whose gradient is not stored.
    shadow
        Unrounded conductances after the update (S).
    conductances
        The nominal conductances that are written (S).
    written
        Number of channels that were written.
    acquisitions
        Number of acquisitions for training so far, without those for evaluation.
    bench_s
        Duration of this step on the bench's clock (s).
    bench_acquisitions
        Number of all acquisitions of the bench so far; random numbers are keyed by it.
    bench_clock_s
        The bench's clock after the step (s, from an arbitrary origin; 0 at the start of a simulated bench).
    wall_s
        Time since the journal was begun (s); set by the writer.
    masked
        Indices of edges that were masked after a fault, in the rig's order.
    """

    index: int
    epoch: int
    examples: tuple[int, ...]
    loss: float | None
    gamma: float
    skipped: int
    gradient: Array | None
    u_gradient: Array | None
    shadow: Array
    conductances: Steady
    written: int
    acquisitions: int
    bench_s: float
    bench_acquisitions: int | None
    bench_clock_s: float | None
    wall_s: float | None = None
    masked: tuple[int, ...] | None = ()


@dataclass(frozen=True)
class Evaluation:
    """Metrics of the whole task, measured after `step` updates.

    Parameters
    ----------
    epoch
        Epochs completed.
    step
        Updates completed.
    metrics
        Metrics by name.
    examples
        Indices of the examples that were measured, training examples first.
    outputs
        (M, O) readings of the outputs in each of these examples (V).
    u_outputs, systematic_outputs
        (M, O) their standard and systematic uncertainties (V).
    bench_acquisitions, bench_clock_s
        As in Step, after the evaluation.
    wall_s
        As in Step.
    """

    epoch: int
    step: int
    metrics: dict[str, float]
    bench_acquisitions: int | None
    bench_clock_s: float | None
    wall_s: float | None = None
    examples: tuple[int, ...] | None = None
    outputs: Rows | None = field(default=None, compare=False)
    u_outputs: Rows | None = field(default=None, compare=False)
    systematic_outputs: Rows | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Terminal:
    """The meaning of an input or output.

    Parameters
    ----------
    side
        "input" or "output".
    place
        Its place among the inputs or outputs, from 0: its column in arrays.
    node, channel
        Its node, and the channel that drives it or injects its error ("awg/3").
    kind
        "feature", "complement", "bias"; "class", "column", "readout".
    name
        Name of the feature, class or column; for a bias its voltage.
    low, high, full_scale_v
        Values from low to high are encoded as −full_scale_v to +full_scale_v (V); None if values are voltages, or there
        are no values.
    text
        The meaning in words.
    """

    side: str
    place: int
    node: str
    channel: str
    kind: str
    name: str
    low: float | None
    high: float | None
    full_scale_v: float | None
    text: str


@dataclass(frozen=True)
class Example:
    """One example of the task.

    Parameters
    ----------
    example
        Index of the example.
    part
        "train" or "test".
    name
        Name of the example.
    inputs
        (I,) voltages, or amplitudes, of the inputs (V).
    target
        (R,) targets of the readouts (V), or the class in one-hot form.
    """

    example: int
    part: str
    name: str
    inputs: Array = field(compare=False)
    target: Array = field(compare=False)


class Event(NamedTuple):
    """Something that happened after `step` updates.

    Parameters
    ----------
    step
        Updates completed.
    event
        What happened: "repeated", "finished" and so on.
    detail
        Details of the event, as plain values.
    bench_acquisitions, bench_clock_s
        As in Step, at the time of the event.
    """

    step: int
    event: str
    detail: dict[str, Any]
    bench_acquisitions: int | None = None
    bench_clock_s: float | None = None


@dataclass(frozen=True)
class Intent:
    """The settings that a step is about to write to the board; they stay in the journal if the step is not committed.

    Parameters
    ----------
    step
        Index of the step.
    edges
        Indices of the edges that change, in the rig's order.
    siemens
        Conductance that each of these edges is to hold (S).
    """

    step: int
    edges: tuple[int, ...]
    siemens: Array = field(compare=False)


@dataclass(frozen=True)
class Writing:
    """Cells that were written by pulses at one time.

    Parameters
    ----------
    step
        Updates completed, including the one that wrote these cells; 0 before the first update.
    why
        "step", "refresh" or "program".
    edges
        The edges, in the rig's order.
    siemens
        Conductance that each of these cells was found to hold at the end (S).
    pulses
        Number of pulses that each of these cells took.
    faulty
        Edges that are not within their tolerance.
    """

    step: int
    why: str
    edges: tuple[int, ...]
    siemens: Array = field(compare=False)
    pulses: tuple[int, ...]
    faulty: tuple[int, ...] = ()


@dataclass(frozen=True)
class StoredBlock:
    """Where the samples of one block of an acquisition are stored, in the segments next to the journal.

    Parameters
    ----------
    acquisition
        Number of the acquisition, counted by the bench; a run that is resumed from an earlier point uses it again.
    segment
        Number of the segment.
    offset_bytes, length_bytes
        Position and length in the segment.
    content_crc
        CRC-32 of these bytes.
    scans, channels, dtype
        Shape and NumPy type of the codes.
    start_index, lost
        As in Block.
    overrange
        Columns that reached an end of their range.
    scale
        (C, 4) as in Block; None if it is the same as that of the block before.
    played
        Programs that the sources reported to play in this acquisition, by device and channel; None if they are those
        requested, or if this is not the first block of the acquisition.
    """

    acquisition: int
    segment: int
    offset_bytes: int
    length_bytes: int
    content_crc: int
    scans: int
    channels: int
    dtype: str
    start_index: int
    lost: int
    overrange: tuple[int, ...]
    scale: Rows | None = field(compare=False)
    played: dict[str, Any] | None


@dataclass(frozen=True)
class StoredFile:
    """Another file of the run, with size and hash as it was written.

    Parameters
    ----------
    name
        Its path within the folder of the run.
    size
        Size of its content (bytes).
    sha256
        SHA-256 of its content, in hexadecimal.
    """

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Checkpoint:
    """Committed with every row: the number of rows so far, and the state that a resumed run needs besides the rows.

    Parameters
    ----------
    rows
        Number of rows of each table, by its name.
    closed
        1 if the journal was closed after this row; 0 if more rows may have been written to the log next to it.
    wall_s
        As in Step.
    state
        State of the rig and the bench; in the writer, in its stored form.
    """

    rows: dict[str, Any]
    closed: int = 0
    wall_s: float = 0.0
    state: State = field(default_factory=dict, compare=False)


STEPS = Table("steps", Step, key="step", renamed={"index": "step"})
EVALUATIONS = Table("evaluations", Evaluation, key="id")
EVENTS = Table("events", Event, key="id")
TERMINALS = Table("terminals", Terminal, key="id")
EXAMPLES = Table("examples", Example, key="example")
BLOCKS = Table("blocks", StoredBlock, key="id")
FILES = Table("files", StoredFile, key="name")
WRITINGS = Table("writings", Writing, key="id")
INTENT = Table("intent", Intent, key="id")
CHECKPOINT = Table("checkpoint", Checkpoint, key="id")
COUNTED = (STEPS, EVALUATIONS, EVENTS, TERMINALS, EXAMPLES, FILES, BLOCKS, WRITINGS)
"""Tables whose rows the checkpoint counts."""
TABLES = (*COUNTED, INTENT, CHECKPOINT)
