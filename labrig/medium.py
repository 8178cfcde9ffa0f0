"""The medium of a network: the quantities of its nodes, of the flows into them and of its edges, and their units.

A key of a configuration whose unit depends on the network (`limits.node`, `network.programmable.range`) has one of the
types below. They use the units of the medium of the configuration that is being checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import GetJsonSchemaHandler
from pydantic_core import core_schema

from labrig.quantities import NUMBER, QuantityField, format_quantity, si_unit

_IN_KEYS = {"/": "_per_", "·": "_", "³": "3", "(": None, ")": None}

Role = Literal["state", "flow", "parameter", "power", "second_state", "second_flow", "coupling"]


@dataclass(frozen=True)
class Medium:
    """Dimensions of the quantities of a network, as `labrig.quantities` names them.

    Parameters
    ----------
    state : str
        Dimension of the state of a node: a voltage, a displacement, a pressure.
    flow : str
        Dimension of the flow from a source into a node: a current, a force, a volume per time.
    parameter : str
        Dimension of the trained parameter of an edge: flow per state difference (a conductance, a stiffness), or a
        length.
    power : str
        Dimension of flow times state.
    flow_key : str
        The key under `learning.error` that sets the size of the error.
    examples : tuple of (str, str)
        Pairs of a role and an example of how its value is written.
    second_state, second_flow : str
        Dimensions of a second, independent state of nodes and of its flow; empty if there is none.
    coupling : str
        Dimension (flow per state) of the coupling between a source of state and its node; empty if it is that of the
        parameter.
    within_drives : bool
        Whether all states lie within the range spanned by the driving states and 0.
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
        """Return the dimension of a role."""
        return str(getattr(self, role)) or (self.parameter if role == "coupling" else "")

    def example(self, role: Role) -> str:
        """Return an example of how a value with this role is written."""
        known = dict(self.examples)
        return known.get(role) or known.get("parameter" if role == "coupling" else role, "1")

    def unit(self, role: Role) -> str:
        """Return the SI unit of a role."""
        return si_unit(self.dimension(role))

    def text(self, role: Role, value: float) -> str:
        """Return a value with this role as text with its unit."""
        return format_quantity(float(value), self.dimension(role))

    @property
    def state_key(self) -> str:
        """Suffix of the name of a metric in the unit of the state: 'v', 'm', 'pa'."""
        return self.key("state")

    def key(self, role: Role) -> str:
        """Return the suffix for the name of a value with this role: its unit as 'a', 'n_per_m', 'm3_per_s_pa'."""
        return self.unit(role).lower().translate({ord(a): b for a, b in _IN_KEYS.items()})


ELECTRICAL = Medium(within_drives=True)

_in_use: ContextVar[Medium] = ContextVar("medium", default=ELECTRICAL)


def medium_in_use() -> Medium:
    """Return the medium of the configuration that is being checked."""
    return _in_use.get()


@contextmanager
def using(medium: Medium) -> Iterator[None]:
    """Read and write quantities in this medium while the context is open."""
    token = _in_use.set(medium)
    try:
        yield
    finally:
        _in_use.reset(token)


ANY_UNIT = rf"^\s*{NUMBER}\s*[^\s0-9_.,+-]\S*\s*$"
"""A number with any unit (regular expression of a JSON schema)."""


class MediumField(QuantityField):
    """Pydantic metadata: a quantity whose dimension is that of a role in the medium in use.

    Parameters
    ----------
    *roles : str
        The role; with several, the value may have the dimension of any of them, and is written in that of the first.
    sign : str
        As in `QuantityField`.
    """

    def __init__(self, *roles: Role, sign: Literal["", "be positive", "not be negative"] = "") -> None:
        object.__setattr__(self, "roles", roles)
        object.__setattr__(self, "sign", sign)

    roles: tuple[Role, ...]

    @property
    def dimension(self) -> str:  # type: ignore[override]
        """The dimension of the value in the medium in use."""
        return medium_in_use().dimension(self.roles[0])

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The dimensions that the value may have."""
        return tuple(medium_in_use().dimension(role) for role in self.roles)

    @property
    def example(self) -> str:  # type: ignore[override]
        """An example of how the value is written in the medium in use."""
        return medium_in_use().example(self.roles[0])

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return super().__get_pydantic_json_schema__(schema, handler) | {"pattern": ANY_UNIT}

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
"""The drive of a node: a state behind a resistance, or a flow."""
PositiveDrive = Annotated[float, MediumField("state", "flow", sign="be positive")]
