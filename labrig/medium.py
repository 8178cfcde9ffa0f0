"""The medium of a network: what its nodes carry, what flows into them, what its edges have, each with its unit.

A key of a configuration whose unit depends on the network (`limits.node`, `network.programmable.range`) has one of the
types below. They read and write the medium that is in use while a configuration is checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Annotated, Literal

from labrig.quantities import QuantityField, format_quantity, si_unit

Role = Literal["state", "flow", "parameter", "power", "second_state", "second_flow", "coupling"]


@dataclass(frozen=True)
class Medium:
    """Dimensions of what a network deals with, as `labrig.quantities` names them.

    Parameters
    ----------
    state : str
        What a node carries: a voltage, a displacement, a pressure.
    flow : str
        What a source pushes into a node: a current, a force, a volume per time.
    parameter : str
        What the edges are trained by: flow per difference of their ends (a conductance, a stiffness), or a length.
    power : str
        Flow times state.
    flow_key : str
        The key under `learning.error` that says how large the error is.
    examples : tuple of (str, str)
        How each of them is written, by its name here.
    second_state, second_flow : str
        What nodes carry besides, independent of the state, and what is pushed into them of it; empty if there is none.
    coupling : str
        Flow per state, through which a source that makes a state acts; empty if that is the parameter.
    within_drives : bool
        Whether no state can be outside the range of the states that drive the network, and 0.
    """

    state: str = "voltage"
    flow: str = "current"
    parameter: str = "conductance"
    power: str = "power"
    flow_key: str = "current"
    examples: tuple[tuple[str, str], ...] = (
        ("state", "500 mV"),
        ("flow", "1 µA"),
        ("parameter", "10 µS"),
        ("power", "5 mW"),
    )
    second_state: str = ""
    second_flow: str = ""
    coupling: str = ""
    within_drives: bool = False

    def dimension(self, role: Role) -> str:
        """Return the dimension of one of them."""
        return str(getattr(self, role)) or (self.parameter if role == "coupling" else "")

    def example(self, role: Role) -> str:
        """Return how one of them is written."""
        known = dict(self.examples)
        return known.get(role) or known.get("parameter" if role == "coupling" else role, "1")

    def unit(self, role: Role) -> str:
        """Return its SI unit."""
        return si_unit(self.dimension(role))

    def text(self, role: Role, value: float) -> str:
        """Write a value with its unit."""
        return format_quantity(float(value), self.dimension(role))

    @property
    def state_key(self) -> str:
        """What stands at the end of the name of a figure that has the unit of a state: 'v', 'm', 'pa'."""
        return self.unit("state").lower()


ELECTRICAL = Medium(within_drives=True)

_in_use: ContextVar[Medium] = ContextVar("medium", default=ELECTRICAL)


def medium_in_use() -> Medium:
    """Return the medium of the configuration that is being checked."""
    return _in_use.get()


@contextmanager
def using(medium: Medium) -> Iterator[None]:
    """Read and write quantities in this medium for a while."""
    token = _in_use.set(medium)
    try:
        yield
    finally:
        _in_use.reset(token)


class MediumField(QuantityField):
    """Pydantic metadata: a quantity whose dimension is one of the medium in use.

    Parameters
    ----------
    *roles : str
        Which one; with several the value may be any of them, and is written as the first.
    sign : str
        As in `QuantityField`.
    """

    def __init__(self, *roles: Role, sign: Literal["", "be positive", "not be negative"] = "") -> None:
        object.__setattr__(self, "roles", roles)
        object.__setattr__(self, "sign", sign)

    roles: tuple[Role, ...]

    @property
    def dimension(self) -> str:  # type: ignore[override]
        """The dimension in the medium in use."""
        return medium_in_use().dimension(self.roles[0])

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The dimensions that the value may have."""
        return tuple(medium_in_use().dimension(role) for role in self.roles)

    @property
    def example(self) -> str:  # type: ignore[override]
        """How it is written in the medium in use."""
        return medium_in_use().example(self.roles[0])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MediumField) and (self.roles, self.sign) == (other.roles, other.sign)

    def __hash__(self) -> int:
        return hash((self.roles, self.sign))


State = Annotated[float, MediumField("state")]
PositiveState = Annotated[float, MediumField("state", sign="be positive")]
PositiveFlow = Annotated[float, MediumField("flow", sign="be positive")]
PositiveSecondFlow = Annotated[float, MediumField("second_flow", sign="be positive")]
PositiveParameter = Annotated[float, MediumField("parameter", sign="be positive")]
PositiveCoupling = Annotated[float, MediumField("coupling", sign="be positive")]
PositivePower = Annotated[float, MediumField("power", sign="be positive")]
Drive = Annotated[float, MediumField("state", "flow")]
"""What drives a node: a state behind a resistance, or a flow."""
PositiveDrive = Annotated[float, MediumField("state", "flow", sign="be positive")]
