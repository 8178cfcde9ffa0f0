"""The `task` section: examples, targets and loss, checked against the board that shall learn them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from labrig.assembly.board import Board
from labrig.assembly.reach import check_reach
from labrig.config import sections
from labrig.config.document import Document
from labrig.config.faults import TreePath as Path
from labrig.learning import tasks
from labrig.learning.datasets import DataError, encode, read_labelled_csv, split_by_class
from labrig.quantities import as_written
from labrig.random_streams import RandomStream

Array = NDArray[np.float64]

FIGURES = {
    "classification": ("test_accuracy", "train_accuracy"),
    "xor": ("rms", "patterns_right"),
    "allostery": ("rms",),
    "regression": ("rms",),
    "divider": ("rms",),
}
"""Which goals `task.target` may name for each task."""


class _Refused(Exception):
    """A fault was noted; the task cannot be built."""


def read_task(
    document: Document,
    section: sections.Task,
    learning: sections.Learning,
    network: sections.Network,
    board: Board,
    seed: int,
) -> tasks.Task | None:
    """The task, or None where it has faults."""
    found = len(document.faults)
    kind = next(name for name in FIGURES if getattr(section, name) is not None)
    _check_loss(document, kind, learning)
    _check_target(document, kind, section.target)
    reader = _TaskReader(document, section, learning, network, board, seed)
    try:
        task = reader.read(kind)
    except _Refused:
        return None
    reader.check_sizes(kind, task)
    reader.check_scale(kind, task)
    if len(document.faults) == found:
        check_reach(document, kind, board, task)
    return task if len(document.faults) == found else None


def _check_loss(document: Document, kind: str, learning: sections.Learning) -> None:
    wanted = "softmax_cross_entropy" if kind == "classification" else "squared_error"
    if learning.loss != wanted:
        path = ("learning", "loss")
        document.faults.add(document.mark_of(path), path, f"{kind} is trained with {wanted}, not {learning.loss}")


def _check_target(document: Document, kind: str, target: sections.Target | None) -> None:
    for name in target.model_fields_set if target else ():
        if name not in FIGURES[kind]:
            path = ("task", "target", name)
            document.faults.add(
                document.key_mark_of(path), path, f"{kind} has no {name}; its goals are {', '.join(FIGURES[kind])}"
            )


class _TaskReader:
    def __init__(
        self,
        document: Document,
        section: sections.Task,
        learning: sections.Learning,
        network: sections.Network,
        board: Board,
        seed: int,
    ) -> None:
        self._document = document
        self._section = section
        self._learning = learning
        self._network = network
        self._board = board
        self._seed = seed
        self._inputs = len(board.hookup.inputs)
        self._outputs = len(board.hookup.outputs)

    def read(self, kind: str) -> tasks.Task:
        return {
            "classification": self._classification,
            "regression": self._regression,
            "allostery": self._allostery,
            "xor": self._xor,
            "divider": self._divider,
        }[kind]()

    def check_sizes(self, kind: str, task: tasks.Task) -> None:
        """The board must have the inputs and outputs that the task has."""
        path: Path = ("task", kind)
        wanted_inputs = task.activation.shape[1]
        if wanted_inputs != self._inputs:
            self._fault(
                path, f"the task has {self._inputs_in_words(kind, wanted_inputs)}, {self._inputs} nodes are driven"
            )
        outputs = 2 if kind == "xor" else task.target.shape[1]
        if outputs != self._outputs and isinstance(task, tasks.ClassificationTask):
            self._fault((*path, "data"), self._classes_in_words(task))
        elif outputs != self._outputs:
            self._fault(path, f"the task has {outputs} outputs, {self._outputs} nodes have an error")

    def check_scale(self, kind: str, task: tasks.Task) -> None:
        """The rate is a share of the loss's own scale, which targets of 0 V do not have."""
        if not task.loss.scale > 0:
            key = {"allostery": "targets", "regression": "matrix"}.get(kind, "target")
            self._fault(("task", kind, key), "every target is 0 V: the loss has no scale, and the rate no meaning")

    def _inputs_in_words(self, kind: str, count: int) -> str:
        coding = self._section.encode
        if kind == "xor":
            return "6 inputs (x1, -x1, x2, -x2 and both rails)"
        if kind not in ("classification", "regression") or coding is None:
            return f"{count} inputs" if count != 1 else "1 input"
        constant = len(coding.bias)
        features = (count - constant) // (2 if coding.complements else 1)
        parts = [f"{features} features", *(["their complements"] if coding.complements else []), f"{constant} bias"]
        return f"{count} inputs ({', '.join(parts)})"

    def _classes_in_words(self, task: tasks.ClassificationTask) -> str:
        """What is wrong where the classes are not as many as the outputs."""
        count = len(task.classes)
        names = ", ".join(map(as_written, task.classes[:8])) + (" …" if count > 8 else "")
        found = f"{'1 class' if count == 1 else f'{count} classes'} in the column of the label ({names})"
        nodes = "1 node has" if self._outputs == 1 else f"{self._outputs} nodes have"
        remedy = f"complete the data, or give {'1 node' if count == 1 else f'{count} nodes'} an error"
        return f"{found}, and {nodes} an error: one per class is needed; {remedy}"

    def _classification(self) -> tasks.Task:
        section, split, coding = self._section.classification, self._section.split, self._section.encode
        assert section is not None
        assert split is not None
        assert coding is not None
        path = ("task", "classification")
        file = self._document.locate(section.data, self._document.get((*path, "data")))
        if file is None:
            where = "beside the configuration that names it or among the packaged ones"
            self._refuse((*path, "data"), f"there is no file {as_written(section.data)} {where}")
        try:
            table = read_labelled_csv(file, section.label, section.features)
        except DataError as error:
            self._refuse((*path, error.key), str(error))
        except (ValueError, csv.Error):
            self._refuse((*path, "data"), f"{file.name} cannot be read as CSV: is a quote left open in it?")
        if "" in table.classes:
            self._refuse((*path, "data"), f"{file.name} has examples without a class in column {section.label!r}")
        try:
            generator = RandomStream(self._seed, "split").at(0)
            train, test = split_by_class(
                table.labels, table.classes, split.train_per_class, split.test_per_class, generator
            )
        except DataError as error:
            self._refuse(("task", "split"), str(error))
        activation = encode(
            table.features,
            train,
            full_scale_v=coding.full_scale,
            clip=coding.clip,
            complements=coding.complements,
            bias_v=coding.bias,
        )
        temperature = self._learning.temperature
        if temperature is None:
            raise _Refused
        return tasks.classification(activation, table.labels, table.classes, train, test, temperature)

    def _regression(self) -> tasks.Task:
        section, coding = self._section.regression, self._section.encode
        assert section is not None
        assert coding is not None
        matrix = self._matrix(section, coding)
        examples = section.train + section.test
        draw = RandomStream(self._seed, "regression").at(0)
        x = draw.uniform(-coding.full_scale, coding.full_scale, (examples, matrix.shape[1]))
        parts = [x, -x] if coding.complements else [x]
        activation = np.hstack([*parts, np.tile(np.array(coding.bias, dtype=float), (examples, 1))])
        return tasks.regression(x, matrix, activation, section.train)

    def _matrix(self, section: sections.Regression, coding: sections.Encode) -> Array:
        if section.matrix != "random":
            rows = {len(row) for row in section.matrix}
            if len(rows) != 1 or 0 in rows:
                self._refuse(("task", "regression", "matrix"), "the rows must have equal length, at least 1")
            return np.array(section.matrix)
        constant = len(coding.bias)
        per_feature = 2 if coding.complements else 1
        features = (self._inputs - constant) // per_feature
        if features < 1 or features * per_feature + constant != self._inputs:
            self._refuse(
                ("task", "regression"),
                f"{self._inputs} driven nodes do not divide into features"
                + (" and complements" if coding.complements else "")
                + f" and {constant} bias",
            )
        return self._achievable_matrix(features, coding.complements)

    def _achievable_matrix(self, features: int, complements: bool) -> Array:
        """M of a board with conductances drawn from the range: an output is a convex combination of its inputs."""
        low, high = self._network.programmable.range
        draw = RandomStream(self._seed, "matrix").at(0).uniform(low, high, (self._outputs, self._inputs))
        load = 1.0 / self._board.hookup.output_ohm
        weights = draw / (draw.sum(axis=1) + load)[:, None]
        positive = weights[:, :features]
        return positive - weights[:, features : 2 * features] if complements else positive

    def _allostery(self) -> tasks.Task:
        section = self._section.allostery
        assert section is not None
        inputs = np.array(section.inputs)
        if section.targets != "random":
            return tasks.allostery(inputs, np.array(section.targets))
        draw = RandomStream(self._seed, "targets").at(0)
        return tasks.allostery(inputs, draw.uniform(inputs.min(), inputs.max(), self._outputs))

    def _xor(self) -> tasks.Task:
        section = self._section.xor
        assert section is not None
        return tasks.xor(section.amplitude, section.target)

    def _divider(self) -> tasks.Task:
        section = self._section.divider
        assert section is not None
        hookup, graph = self._board.hookup, self._board.graph
        plain = len(hookup.edges) == 1 and not graph.resistors and not graph.diodes
        if not plain or len(hookup.inputs) != 1 or len(hookup.outputs) != 1:
            self._refuse(("task", "divider"), "a divider is one edge between a driven node and one with an error")
        return tasks.divider(section.input, section.target, hookup.inputs[0].ohm, hookup.outputs[0].ohm)

    def _refuse(self, path: Path, message: str) -> NoReturn:
        self._fault(path, message)
        raise _Refused

    def _fault(self, path: Path, message: str) -> None:
        self._document.faults.add(self._document.mark_of(path), path, message)


def initial_conductances(network: sections.Network, edges: int, seed: int) -> Array:
    """(E,) conductances to begin with (S), uniform in `initial`."""
    return RandomStream(seed, "initial").at(0).uniform(*initial_range(network.programmable), edges)


def initial_range(programmable: sections.Programmable) -> tuple[float, float]:
    """Where initial conductances are drawn from (S): by default the middle 60 % of the range."""
    low, high = programmable.range
    return programmable.initial or (low + 0.2 * (high - low), high - 0.2 * (high - low))


def figures_missed(target: sections.Target | None, metrics: dict[str, float]) -> Sequence[str]:
    """Goals of `task.target` that the metrics do not reach, in words."""
    if target is None:
        return []
    missed = []
    for name, better, metric in (
        ("test_accuracy", 1, "test_accuracy"),
        ("train_accuracy", 1, "train_accuracy"),
        ("patterns_right", 1, "patterns_right"),
        ("rms", -1, "rms_v"),
    ):
        wanted = getattr(target, name)
        if wanted is not None and not better * metrics.get(metric, -np.inf * better) >= better * wanted:
            missed.append(f"{metric} is {metrics.get(metric, float('nan')):.4g}, the target is {wanted:.4g}")
    return missed
