"""The contents of a run as named arrays with dimensions and units, used by `labrig.load`, xarray and the exports.

| dimension | coordinate |
|---|---|
| `step` | number of the step, from 1 |
| `edge` | name of the edge |
| `evaluation` | number of the evaluation, from 0 |
| `example` | index of the example, training examples first |
| `node` | the node of an output |
| `input` | the node of an input |
| `readout` | the class, or the column that is read out |
| `metric` | name of the metric |
| `event` | number of the event, from 0 |
| `place` | position in the batch of a step |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.json_text import json_text
from labrig.runs.confusion import class_names
from labrig.runs.folder import META, RunFolder
from labrig.runs.journal import Record, Terminal, read_journal

_STEPS = {
    "epoch": ("1", "epoch, from 0"),
    "loss": ("1", "mean loss of the batch, in the loss's own unit"),
    "gamma": ("A", "largest γ of the batch, per unit of ∂C/∂v"),
    "skipped": ("1", "number of examples that had zero error or were left out"),
    "written": ("1", "number of channels that were written"),
    "acquisitions": ("1", "acquisitions for training so far"),
    "bench_s": ("s", "duration of the step on the bench's clock"),
    "bench_acquisitions": ("1", "all acquisitions of the bench so far"),
    "bench_clock_s": ("s", "the bench's clock after the step"),
    "wall_s": ("s", "time since the journal was begun"),
}
_EDGES = {
    "gradient": ("1/S", "∂C/∂θ of the batch mean, per siemens in the loss's own unit; NaN where it is not stored"),
    "u_gradient": ("1/S", "standard error of the gradient"),
    "shadow": ("S", "conductance after the step, before rounding"),
    "conductances": ("S", "nominal conductance that is written"),
}
_OUTPUTS = {
    "outputs": ("V", "reading of the output in this example"),
    "u_outputs": ("V", "standard uncertainty of the output"),
    "systematic_outputs": ("V", "systematic uncertainty of the output"),
}


@dataclass(frozen=True)
class Variable:
    """An array with names for its dimensions.

    Parameters
    ----------
    dims
        One name for each axis of `values`.
    values
        Numbers or text.
    units
        SI unit; "1" for pure numbers, empty for text.
    text
        Meaning of the array.
    """

    dims: tuple[str, ...]
    values: NDArray[Any]
    units: str = ""
    text: str = ""


@dataclass(frozen=True)
class Contents:
    """The contents of a run.

    Parameters
    ----------
    variables, coordinates
        Arrays by name. A coordinate with the name of a dimension is the index of that dimension.
    attributes
        Attributes of the run as a whole: name, seeds and start time; and as JSON the versions, the identities of the
        instruments and the comparability card.
    """

    variables: Mapping[str, Variable]
    coordinates: Mapping[str, Variable]
    attributes: Mapping[str, str | int]

    def real(self) -> Contents:
        """Return the same contents with each complex variable split into NAME_re and NAME_im, for real-only formats."""
        variables: dict[str, Variable] = {}
        for name, each in self.variables.items():
            if np.iscomplexobj(each.values):
                variables[f"{name}_re"] = Variable(each.dims, np.real(each.values), each.units, each.text)
                variables[f"{name}_im"] = Variable(each.dims, np.imag(each.values), each.units, each.text)
            else:
                variables[name] = each
        return Contents(variables, self.coordinates, self.attributes)


def read_contents(folder: RunFolder) -> Contents:
    """Read a run, whether it is finished, still going on, killed, or written by an earlier labrig.

    Raises
    ------
    StorageError
        If the journal or the metadata is missing or damaged; the message names the damage.
    """
    record = read_journal(folder.journal)
    described = folder.has(META) or len(record.step)
    meta: dict[str, Any] = folder.meta() if described else {}
    try:
        return _contents(record, meta)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise folder.damaged(META, f"it does not match the journal ({error})") from error


def _contents(record: Record, meta: Mapping[str, Any]) -> Contents:
    board = meta.get("board", {})
    edges = board.get("edges") or [[str(k), "", ""] for k in range(_edge_count(record))]
    names, *ends = ([str(edge[column]) for edge in edges] for column in range(3))
    coordinates = {
        "step": Variable(("step",), record.step.astype(np.int64), "1", "updates so far"),
        "edge": _texts("edge", names),
        "edge_a": _texts("edge", ends[0], "node at one end"),
        "edge_b": _texts("edge", ends[1], "node at the other end"),
    }
    variables = dict(_of_steps(record, len(names)))
    if "initial_s" in board:
        initial = np.array(board["initial_s"], dtype=float).reshape(len(names))
        variables["initial_conductances"] = Variable(("edge",), initial, "S", "conductance before the first step")
    for more in (_of_evaluations(record), _of_examples(record, meta), _of_events(record)):
        for name, variable, is_coordinate in more:
            (coordinates if is_coordinate else variables)[name] = variable
    return Contents(_in_medium(variables, board), coordinates, _attributes(meta))


def _in_medium(variables: dict[str, Variable], board: Mapping[str, Any]) -> dict[str, Variable]:
    """Return the variables with the units of the network: volts and siemens unless its nodes carry another quantity."""
    state, parameter = (board.get(key, {}).get("unit", unit) for key, unit in (("state", "V"), ("parameter", "S")))
    if (state, parameter) == ("V", "S"):
        return variables
    units = {"V": state, "S": parameter, "1/S": f"1/({parameter})", "A": ""}
    return {name: replace(each, units=units.get(each.units, each.units)) for name, each in variables.items()}


def _edge_count(record: Record) -> int:
    return record.conductances.shape[1] if len(record.step) else 0


def _of_steps(record: Record, edges: int) -> Iterator[tuple[str, Variable]]:
    steps = len(record.step)
    for name, about in _STEPS.items():
        yield name, Variable(("step",), np.asarray(record.steps[name]).reshape(steps), *about)
    for name, about in _EDGES.items():
        yield name, Variable(("step", "edge"), np.reshape(record.steps[name], (steps, edges)), *about)
    masked = np.zeros((steps, edges), dtype=bool)
    for row, left_out in enumerate(record.masked):
        masked[row, list(left_out or ())] = True
    yield "masked", Variable(("step", "edge"), masked, "1", "edge was masked after a fault: it is no longer written")
    batches = np.full((steps, max((len(each) for each in record.examples), default=0)), -1)
    for row, batch in enumerate(record.examples):
        batches[row, : len(batch)] = batch
    yield "batch", Variable(("step", "place"), batches, "1", "indices of the examples in the batch; -1 for none")


def _of_evaluations(record: Record) -> Iterator[tuple[str, Variable, bool]]:
    """Yield name, variable, and whether it is a coordinate."""
    made = record.evaluations
    along = ("evaluation",)
    yield "evaluation", Variable(along, np.arange(len(made)), "1", "number of the evaluation"), True
    steps, epochs = (np.array([getattr(each, name) for each in made], dtype=int) for name in ("step", "epoch"))
    yield "evaluation_step", Variable(along, steps, "1", "steps before the evaluation"), True
    yield "evaluation_epoch", Variable(along, epochs, "1", "epochs before the evaluation"), True
    metrics = list(dict.fromkeys(name for each in made for name in each.metrics))
    figures = np.array([[_number(each.metrics.get(name)) for name in metrics] for each in made], dtype=float)
    yield "metric", _texts("metric", metrics), True
    figures = figures.reshape(len(made), len(metrics))
    yield "metrics", Variable(("evaluation", "metric"), figures, "", "metrics of the evaluation"), False
    outputs = [terminal for terminal in record.terminals if terminal.side == "output"]
    if not outputs or not record.dataset:
        return
    row_of = {each.example: row for row, each in enumerate(record.dataset)}
    for name, about in _OUTPUTS.items():
        values = np.full((len(made), len(row_of), len(outputs)), np.nan)
        for number, each in enumerate(made):
            read = getattr(each, name)
            if read is not None and each.examples is not None:
                values[number, [row_of[example] for example in each.examples]] = read
        yield name, Variable(("evaluation", "example", "node"), values, *about), False


def _of_examples(record: Record, meta: Mapping[str, Any]) -> Iterator[tuple[str, Variable, bool]]:
    known = record.dataset
    sides = {side: [each for each in record.terminals if each.side == side] for side in ("input", "output")}
    for dim, terminals in (("input", sides["input"]), ("node", sides["output"])):
        yield from _of_terminals(dim, terminals)
    if not known:
        return
    index = np.array([each.example for each in known])
    yield "example", Variable(("example",), index, "1", "index of the example"), True
    yield "example_name", _texts("example", [each.name for each in known]), True
    yield "part", _texts("example", [each.part for each in known], '"train" or "test"'), True
    inputs = np.array([each.inputs for each in known])
    yield "inputs", Variable(("example", "input"), inputs, "V", "voltage, or amplitude, of the input"), False
    target = np.array([each.target for each in known])
    classes = class_names(meta.get("classes"), meta.get("readout"))
    unit, text = ("1", "1 for the class of the example, else 0") if classes else ("V", "target of the readout")
    yield "target", Variable(("example", "readout"), target, unit, text), False
    readout = np.array(meta["readout"], dtype=float).reshape(target.shape[1], len(sides["output"]))
    named = classes or [f"readout{k}" for k in range(len(readout))]
    yield "readout", _texts("readout", named), True
    yield "readout_weights", Variable(("readout", "node"), readout, "1", "weight of an output in a readout"), False


def _of_terminals(dim: str, terminals: Sequence[Terminal]) -> Iterator[tuple[str, Variable, bool]]:
    yield dim, _texts(dim, [each.node for each in terminals]), True
    yield f"{dim}_name", _texts(dim, [each.name for each in terminals], "feature, class or column"), True
    yield f"{dim}_channel", _texts(dim, [each.channel for each in terminals], "instrument and channel"), True


def _of_events(record: Record) -> Iterator[tuple[str, Variable, bool]]:
    events = record.events
    yield "event", Variable(("event",), np.arange(len(events)), "1", "number of the event"), True
    steps = np.array([each.step for each in events], dtype=int)
    yield "event_step", Variable(("event",), steps, "1", "steps before the event"), False
    yield "event_kind", _texts("event", [each.event for each in events], "kind of the event"), False
    detail = [json_text(each.detail) for each in events]
    yield "event_detail", _texts("event", detail, "details of the event, as JSON"), False


def _attributes(meta: Mapping[str, Any]) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {}
    for key in ("name", "seed", "simulation_seed", "began", "bench", "config"):
        value = meta.get(key)
        if isinstance(value, str | int):
            attributes[key] = _encodable(value) if isinstance(value, str) else value
    for key in ("card", "versions", "identities", "judge"):
        if meta.get(key) is not None:
            attributes[key] = json_text(meta[key], sort_keys=True)
    return attributes


def _texts(dim: str, values: Sequence[str], text: str = "") -> Variable:
    return Variable((dim,), np.array([_encodable(str(value)) for value in values], dtype=np.str_), "", text)


def _encodable(text: str) -> str:
    """Return a text without lone surrogates, which no file format can store."""
    return text.encode("utf-8", "backslashreplace").decode()


def _number(value: Any) -> float:
    return np.nan if value is None else float(value)
