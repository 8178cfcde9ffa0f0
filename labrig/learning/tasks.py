"""Tasks: the examples a network is trained on, the loss, and what is reported of its outputs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from labrig.learning.losses import Loss, SoftmaxCrossEntropy, SquaredError

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Task:
    """Examples and their loss.

    activation: (M, I) input voltages. target: (M, R) volts of the readout, or one-hot classes.
    train, test: indices of examples. names: one per example, for certificates and tables.
    """

    name: str
    activation: Array
    target: Array
    train: Indices
    test: Indices
    loss: Loss
    names: tuple[str, ...] = field(default=())

    def example_name(self, example: int) -> str:
        return self.names[example] if self.names else str(example)

    def metrics(self, examples: Indices, outputs: Array) -> dict[str, float]:
        """Figures of measured outputs (len(examples), O), V."""
        losses = [self.loss.value(v, self.target[k]) for k, v in zip(examples, outputs, strict=True)]
        return {"loss": float(np.mean(losses)), **self._figures(examples, outputs)}

    def _figures(self, examples: Indices, outputs: Array) -> dict[str, float]:
        return {}

    def gradient_metrics(self, conductances: Array, gradient: Array) -> dict[str, float]:
        """Figures of the first gradient of a run (E,), where a task has a formula to hold it against."""
        return {}

    def representatives(self) -> list[int]:
        """Examples a certificate judges by default: every one of a small task, two of each kind otherwise."""
        if len(self.train) <= 8:
            return [int(k) for k in self.train]
        kinds: dict[bytes, list[int]] = {}
        for k in self.train:
            kinds.setdefault(self.target[k].tobytes(), []).append(int(k))
        if len(kinds) > 8:
            return [int(k) for k in self.train[:4]]
        return [k for members in kinds.values() for k in members[:2]]


class VoltageTask(Task):
    """Outputs shall reach voltages: squared error, reported as rms over examples and readouts (V)."""

    def _figures(self, examples: Indices, outputs: Array) -> dict[str, float]:
        assert isinstance(self.loss, SquaredError)
        differences = outputs @ self.loss.readout.T - self.target[examples]
        return {"rms_v": float(np.sqrt(np.mean(differences**2)))}


class XorTask(VoltageTask):
    def _figures(self, examples: Indices, outputs: Array) -> dict[str, float]:
        assert isinstance(self.loss, SquaredError)
        right = (outputs @ self.loss.readout.T) * self.target[examples] > 0
        return {**super()._figures(examples, outputs), "patterns_right": int(right.sum())}


@dataclass(frozen=True)
class ClassificationTask(Task):
    """classes: their names, in the order of the outputs."""

    classes: tuple[str, ...] = ()

    def _figures(self, examples: Indices, outputs: Array) -> dict[str, float]:
        right = outputs.argmax(axis=1) == self.target[examples].argmax(axis=1)
        return {"accuracy": float(right.mean())}


@dataclass(frozen=True)
class DividerTask(VoltageTask):
    """One edge between a source and a loaded output: the task whose gradient one computes by hand.

    v = x · R_load / (R_source + 1/θ + R_load), C = (v − y)², hence
    ∂C/∂θ = 2 (v − y) · x · R_load / (θ (R_source + R_load) + 1)².
    """

    source_ohm: float = 0.0
    load_ohm: float = 0.0

    def gradient_metrics(self, conductances: Array, gradient: Array) -> dict[str, float]:
        theta, x, y = conductances[0], self.activation[0, 0], self.target[0, 0]
        v = x * self.load_ohm / (self.source_ohm + 1 / theta + self.load_ohm)
        by_hand = 2 * (v - y) * x * self.load_ohm / (theta * (self.source_ohm + self.load_ohm) + 1) ** 2
        return {"gradient": float(gradient[0]), "relative_error": float(abs(gradient[0] / by_hand - 1))}


def divider(input_v: float, target_v: float, source_ohm: float, load_ohm: float) -> Task:
    return DividerTask(
        name="divider",
        activation=np.array([[input_v]]),
        target=np.array([[target_v]]),
        train=np.array([0]),
        test=np.array([], dtype=np.intp),
        loss=SquaredError(np.eye(1), target_v**2),
        source_ohm=source_ohm,
        load_ohm=load_ohm,
    )


def allostery(inputs_v: Array, targets_v: Array) -> Task:
    """Constant inputs (I,), outputs (O,) that shall reach `targets_v`."""
    return VoltageTask(
        name="allostery",
        activation=inputs_v[None],
        target=targets_v[None],
        train=np.array([0]),
        test=np.array([], dtype=np.intp),
        loss=SquaredError(np.eye(len(targets_v)), float(targets_v @ targets_v)),
    )


def regression(x_v: Array, matrix: Array, activation: Array, train: int) -> Task:
    """y = M x: x (M, F) V, matrix (O, F); the first `train` examples are for training, the rest for the test."""
    target = x_v @ matrix.T
    return VoltageTask(
        name="regression",
        activation=activation,
        target=target,
        train=np.arange(train),
        test=np.arange(train, len(x_v)),
        loss=SquaredError(np.eye(len(matrix)), float(np.mean(np.sum(target[:train] ** 2, axis=1)))),
    )


def xor(amplitude_v: float, target_v: float) -> Task:
    """x₁, x₂ ∈ ± amplitude, with complements and two rails; the difference of two outputs shall be ± target.

    Both rails are needed: a single mid-rail bias makes the network odd, and XOR impossible.
    """
    signs = np.array([[x1, x2] for x1 in (-1.0, 1.0) for x2 in (-1.0, 1.0)])
    x1, x2 = signs.T
    one = np.ones(4)
    return XorTask(
        name="xor",
        activation=amplitude_v * np.stack([x1, -x1, x2, -x2, -one, one], axis=1),
        target=np.where(x1 * x2 < 0, target_v, -target_v)[:, None],
        train=np.arange(4),
        test=np.array([], dtype=np.intp),
        loss=SquaredError(np.array([[1.0, -1.0]]), target_v**2),
        names=tuple("".join("1" if x > 0 else "0" for x in pair) for pair in signs),
    )


def classification(
    activation: Array, labels: Indices, classes: tuple[str, ...], train: Indices, test: Indices, temperature_v: float
) -> Task:
    return ClassificationTask(
        name="classification",
        activation=activation,
        target=np.eye(len(classes))[labels],
        train=train,
        test=test,
        loss=SoftmaxCrossEntropy(temperature_v),
        names=tuple(f"{classes[label]}-{k}" for k, label in enumerate(labels)),
        classes=classes,
    )
