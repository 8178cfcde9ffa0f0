"""The contract of a learning rule: a generator that yields an excitation to play and is sent the response."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from labrig.config.section import NoOptions, Section
from labrig.errors import LabrigError
from labrig.instruments.data import Continuous, LevelTable, Setting
from labrig.learning.carriers import Carrier
from labrig.learning.gradient import Gradient
from labrig.learning.losses import Loss
from labrig.learning.measurement import Excitation, Response

Array = NDArray[np.float64]

Measurements = Generator[Excitation, Response, Gradient | None]
"""Generator returned by `Rule.gradient`: it yields excitations, is sent responses, and returns the gradient."""


@dataclass(frozen=True)
class Example:
    """One example: activation (I,) in V, and target (R,) as the task defines it."""

    activation: Array
    target: Array


class EdgeStates(Protocol):
    """The present states of the E programmable edges; every `Update` has these methods."""

    @property
    def levels(self) -> Sequence[LevelTable | Continuous]:
        """Levels, or continuous range, of each edge within the configured range of conductances."""
        ...

    @property
    def conductances(self) -> Array:
        """(E,) nominal conductances of the settings on the board (S)."""
        ...

    def settings(self) -> Mapping[int, Setting]:
        """The settings on the board, by edge."""
        ...


class Rule(ABC):
    """A learning rule.

    Parameters
    ----------
    options : instance of `cls.Options`
        The rule's own keys, written next to `rule:` in the `learning` section.

    Attributes
    ----------
    estimand : str
        Description of the quantity that the rule estimates.
    measures : bool
        Whether the rule measures; only the simulated bench accepts a rule that does not.
    clamps : bool
        Whether the error sources must hold the outputs.
    of_squares : bool
        Whether the rule reads ½u² of the edges, which requires that their energy be ½θu².
    subtracts_zeros : bool
        Whether zero errors of channels cancel in the outputs that the rule uses.
    """

    Options: ClassVar[type[Section]] = NoOptions
    estimand: ClassVar[str] = "the gradient"
    measures: ClassVar[bool] = True
    clamps: ClassVar[bool] = False
    of_squares: ClassVar[bool] = False
    subtracts_zeros: ClassVar[bool] = False

    def __init__(self, options: Any) -> None:
        self.options = options

    @abstractmethod
    def acquisitions(self, edges: int, carrier: type[Carrier]) -> int:
        """Acquisitions per example on a board with this number of edges; an example with zero error takes fewer."""

    def acquisitions_of(self, edges: int, outputs: int, carrier: type[Carrier]) -> int:
        """Acquisitions per example; to be overridden by a rule for which it also depends on the number of outputs."""
        return self.acquisitions(edges, carrier)

    @classmethod
    def objection(cls, carrier: type[Carrier], activation: str) -> str | None:
        """Reason why the rule cannot work with this carrier or activation ("dc" or "sine"), and remedy; None if it can.

        The text completes a sentence whose subject is the rule.
        """
        return None

    @abstractmethod
    def gradient(self, example: Example, loss: Loss, carrier: Carrier, edges: EdgeStates) -> Measurements:
        """Measure ∂C/∂θ of one example.

        Yields
        ------
        Excitation
            The excitation to play next. The caller sends back the Response.

        Returns
        -------
        Gradient or None
            The gradient with its uncertainties; None if the example has nothing to teach.
        """


def conduct(measurements: Measurements, measure: Callable[[Excitation], Response], edges: int) -> Gradient | None:
    """Run the measurements of a rule to the end, and return the gradient of this number of edges.

    `measure` plays an excitation and returns the response, or takes the response from a record.

    Raises
    ------
    LabrigError
        If the rule does not keep its contract, or the gradient is not finite.
    """
    begun: Any = measurements  # a third-party rule may yield and return anything
    if not isinstance(begun, Generator):
        raise _misbehaved(begun, "its method `gradient` yields no Excitation")
    try:
        excitation: Any = next(measurements)
        while True:
            if not isinstance(excitation, Excitation):
                raise _misbehaved(measurements, f"it yields {type(excitation).__name__}, not an Excitation")
            excitation = measurements.send(measure(excitation))
    except StopIteration as end:
        found: Any = end.value
    if found is None:
        return None
    if not isinstance(found, Gradient):
        raise _misbehaved(measurements, f"it returns {type(found).__name__}, not a Gradient")
    for name in ("value", "standard_error", "systematic"):
        array = np.asarray(getattr(found, name))
        if array.shape != (edges,):
            raise _misbehaved(
                measurements, f"`{name}` has shape {array.shape}; with {edges} edges it must be ({edges},)"
            )
    if not np.isfinite(found.value).all():
        raise _misbehaved(measurements, "the gradient contains NaN or infinity")
    return found


def _misbehaved(measurements: Any, what: str) -> LabrigError:
    code = getattr(measurements, "gi_code", None)
    which = "the rule" if code is None else f"the rule {code.co_qualname.removesuffix('.gradient')}"
    return LabrigError(f"{which}: {what}", action="measure a gradient", remedy="correct the rule")
