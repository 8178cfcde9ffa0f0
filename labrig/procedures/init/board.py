"""Boards to begin with: layers that learn a CSV file, a grid, or a table of nodes and edges."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from labrig.config.csv_table import CsvTable, TableError, read_csv
from labrig.errors import UsageError

FULL_SCALE_V = 1.0
TRAINED_SHARE = 0.6
"""Fraction of the examples in the training set."""


@dataclass(frozen=True)
class Learned:
    """Task and loss of a board as YAML, with the numbers of inputs and outputs that they need."""

    task: tuple[str, ...]
    loss: str
    inputs: int
    outputs: int
    words: str
    epochs: int = 40


@dataclass(frozen=True)
class NodeGroup:
    """Nodes that are wired alike and share a row of the wiring: name of the row, number of nodes, and their role.

    Nodes with a role "... on a pattern" also belong to the row of a pattern, which gives them their sense channels.
    """

    row: str
    count: int
    role: str = ""


@dataclass(frozen=True)
class BoardPlan:
    """A board: its network as YAML, its groups of nodes in the order of their channels, and the number of edges."""

    network: tuple[str, ...]
    groups: tuple[NodeGroup, ...]
    edges: int
    words: str

    @property
    def nodes(self) -> int:
        """Number of sensed nodes, without the pilot."""
        return sum(group.count for group in self.groups if not group.role.endswith("on a pattern"))

    def count(self, role: str) -> int:
        """Return the number of nodes with a role."""
        return sum(group.count for group in self.groups if group.role.startswith(role))


NO_DIODES = "none"
"""Value of `diodes` for hidden layers without diodes."""


def layered(learned: Learned, hidden: Sequence[int], diodes: str) -> BoardPlan:
    """Return a board with an input and an output layer as large as the task needs, and hidden layers.

    Hidden nodes have shunts of these diodes, or none if `diodes` is "none".
    """
    sizes = [learned.inputs, *hidden, learned.outputs]
    edges = sum(one * other for one, other in pairwise(sizes))
    lines = [f"inputs: {learned.inputs}", f"outputs: {learned.outputs}"]
    groups = [NodeGroup(_range("in", learned.inputs), learned.inputs, "drive")]
    if hidden:
        shunt = "" if diodes == NO_DIODES else f", shunt: {{diodes: {diodes}, pairs: 1}}"
        layers = ", ".join(f"{{nodes: {count}{shunt}}}" for count in hidden)
        lines.insert(1, f"hidden: [{layers}]")
        groups.append(NodeGroup(_range("hid", sum(hidden)), sum(hidden)))
    groups.append(NodeGroup(_range("out", learned.outputs), learned.outputs, "error"))
    network = ("layered:", *(f"  {line}" for line in lines))
    return BoardPlan(network, tuple(groups), edges, f"layers of {', '.join(map(str, sizes))} nodes")


RANDOM_TARGETS = "targets: random"
"""Placeholder in a new configuration; `labrig init` replaces it once the board is known."""


def grid(rows: int, columns: int, outputs: int) -> tuple[BoardPlan, Learned]:
    """Return a grid driven at two opposite corners, with outputs spread over it that learn voltages."""
    inner = [(r, c) for r in range(rows) for c in range(columns) if (r, c) not in ((0, 0), (rows - 1, columns - 1))]
    if not 1 <= outputs <= len(inner):
        raise UsageError(f"a grid of {rows} × {columns} nodes can have 1 to {len(inner)} outputs, not {outputs}")
    targets = [inner[round((k + 1) * len(inner) / (outputs + 1)) % len(inner)] for k in range(outputs)]
    groups = [NodeGroup(f"n{{r}}_{{c}}|r*{columns}+c", rows * columns)]
    groups += [NodeGroup(f"n{r}_{c}", 1, "drive on a pattern") for r, c in ((0, 0), (rows - 1, columns - 1))]
    groups += [NodeGroup(f"n{r}_{c}", 1, "error on a pattern") for r, c in sorted(set(targets))]
    edges = rows * (columns - 1) + columns * (rows - 1)
    plan = BoardPlan(
        (f"grid: {{rows: {rows}, columns: {columns}}}",), tuple(groups), edges, f"a grid of {rows} × {columns}"
    )
    return plan, constant(2, len(set(targets)))


def table(path: Path, inputs: Sequence[str], outputs: Sequence[str]) -> BoardPlan:
    """Return a board from a CSV file with a row for each edge, whose two nodes are in the columns a and b.

    Raises
    ------
    UsageError
        If the file cannot be read, has other columns, or does not contain the inputs and outputs.
    """
    found = _table(path)
    if not {"a", "b"} <= set(found.columns):
        raise UsageError(
            f"{path.name} has no columns a and b; it has {', '.join(found.columns)}",
            remedy="rename the columns of the two nodes to 'a' and 'b'",
        )
    at = found.columns.index("a"), found.columns.index("b")
    pairs = [(row[at[0]].text, row[at[1]].text) for row in found.rows]
    for node in (row[k] for row in found.rows for k in at):
        if "-" in node.text:
            raise UsageError(
                f"{node.place}: {node.text!r} contains '-', which separates the two nodes of an edge",
                remedy="rename the node",
            )
    nodes = [node for node in dict.fromkeys(node for pair in pairs for node in pair) if node != "ground"]
    for option, given in (("--inputs", inputs), ("--outputs", outputs)):
        if missing := [node for node in given if node not in nodes]:
            known = f"{', '.join(nodes[:12])}{' …' if len(nodes) > 12 else ''}"
            raise UsageError(f"{option}: {path.name} has no node {missing[0]!r}; its nodes are {known}")
        if not given:
            raise UsageError(f"a board from a table needs {option}", remedy=f"name some of its nodes: {option} a,b")
    if both := set(inputs) & set(outputs):
        raise UsageError(f"{min(both)!r} is both an input and an output", remedy="make it either an input or an output")
    groups = [NodeGroup(node, 1, "drive") for node in inputs] + [NodeGroup(node, 1, "error") for node in outputs]
    groups += [NodeGroup(node, 1) for node in nodes if node not in {*inputs, *outputs}]
    network = ("edges:", *(f"  - {a}-{b}" for a, b in pairs))
    return BoardPlan(
        network, tuple(groups), len(pairs), f"{len(pairs)} edges between {len(nodes)} nodes, from {path.name}"
    )


def constant(inputs: int, outputs: int) -> Learned:
    """Return a task with constant inputs from 0 V to 1 V, and outputs that learn voltages between them."""
    levels = [FULL_SCALE_V * k / max(1, inputs - 1) for k in range(inputs)] if inputs > 1 else [FULL_SCALE_V]
    task = (f"allostery: {{inputs: [{', '.join(_volts(level) for level in levels)}], {RANDOM_TARGETS}}}",)
    return Learned(task, "squared_error", inputs, outputs, f"{outputs} voltages at constant inputs", 200)


def classes(
    path: Path, file: str, label: str, features: Sequence[str] | None = None, inputs: int | None = None
) -> Learned:
    """Return a task that classifies the rows of a CSV file by its columns `features`, by default all but the label.

    `file` is the path of the file as written in the configuration. `inputs` is the number of inputs of the board, None
    if the board may have as many as it needs.
    """
    found = _table(path)
    used = _features(found, path, features, [label], "--label")
    counts = Counter(row[found.columns.index(label)].text for row in found.rows)
    least = min(counts.values())
    if len(counts) < 2 or least < 2:
        raise UsageError(f"{path.name} needs at least 2 classes with 2 examples each in the column {label!r}")
    encode, driven = _encode(len(used), inputs)
    train = max(1, min(least - 1, math.floor(TRAINED_SHARE * least)))
    named = "" if features is None else f", features: [{', '.join(map(_quoted, used))}]"
    task = (
        f"classification: {{data: {_quoted(file)}, label: {_quoted(label)}{named}}}",
        f"split: {{train_per_class: {train}, test_per_class: {least - train}}}   # the smallest class has {least}",
        encode,
    )
    words = f"{len(counts)} classes ({', '.join(sorted(counts)[:6])}) from {len(used)} features"
    return Learned(task, "softmax_cross_entropy", driven, len(counts), words)


def numbers(
    path: Path, file: str, targets: Sequence[str], features: Sequence[str] | None = None, inputs: int | None = None
) -> Learned:
    """Return a task that learns target columns of a CSV file from its other columns; arguments as in `classes`."""
    found = _table(path)
    used = _features(found, path, features, targets, "--targets")
    encode, driven = _encode(len(used), inputs)
    train = max(1, math.floor(TRAINED_SHARE * len(found.rows)))
    task = (
        f"regression: {{data: {{file: {_quoted(file)}, inputs: [{', '.join(map(_quoted, used))}],",
        f"                     outputs: [{', '.join(map(_quoted, targets))}], full_scale: 100 mV}}}}",
        f"split: {{train: {train}, test: {len(found.rows) - train}}}",
        encode,
    )
    return Learned(task, "squared_error", driven, len(targets), f"{', '.join(targets)} from {len(used)} columns", 60)


def _features(
    found: CsvTable, path: Path, features: Sequence[str] | None, learnt: Sequence[str], option: str
) -> list[str]:
    """Return the columns to learn from; raises UsageError for a column that does not exist or is learnt itself."""
    for flag, names in ((option, learnt), ("--features", features or ())):
        if missing := [name for name in names if name not in found.columns]:
            known = ", ".join(found.columns)
            raise UsageError(f"{path.name} has no column {missing[0]!r}; it has {known}", remedy=f"correct {flag}")
    if both := [name for name in features or () if name in learnt]:
        raise UsageError(f"the column {both[0]!r} is in --features and in {option}", remedy="name it in one of them")
    return [name for name in found.columns if name not in learnt] if features is None else list(dict.fromkeys(features))


def _encode(features: int, inputs: int | None) -> tuple[str, int]:
    """Return the key `encode` as text, and the number of inputs.

    The features get complements and two bias levels, or those of them that give the number of inputs.
    """
    for complements in (True, False):
        for bias in ((-1, 1), (1,), ()):
            driven = features * (2 if complements else 1) + len(bias)
            if inputs in (None, driven):
                levels = ", ".join(f"{level} V" for level in bias)
                written = f"full_scale: 1 V, complements: {'true' if complements else 'false'}, bias: [{levels}]"
                return f"encode: {{{written}}}", driven
    fits = f"{features}, {features + 1}, {features + 2}, {2 * features}, {2 * features + 1} or {2 * features + 2}"
    raise UsageError(
        f"{features} features need {fits} inputs (with complements, with one or two bias levels), not {inputs}"
    )


def _table(path: Path) -> CsvTable:
    try:
        return read_csv(path)
    except (TableError, OSError) as error:
        raise UsageError(str(error), remedy="see `CSV files` in configs/README.md") from error


def _range(prefix: str, count: int) -> str:
    return f"{prefix}0..{prefix}{count - 1}" if count > 1 else f"{prefix}0"


def _volts(value: float) -> str:
    return f"{value:.3g} V"


def _quoted(name: str) -> str:
    plain = re.sub(r"[ _./-]", "", name).isalnum() and not name[0].isdigit() and name.strip() == name
    if plain and name.lower() not in ("yes", "no", "true", "false", "null", "on", "off"):
        return name
    return json.dumps(name, ensure_ascii=False)
