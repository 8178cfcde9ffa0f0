"""Solves a netlist and writes its node voltages as NumPy arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from labrig.errors import ConfigError
from labrig.network.resistive.netlist import Circuit, NetlistError, read_netlist
from labrig.network.resistive.netlist.circuit import Place
from labrig.network.resistive.netlist.transient import node_voltages, operating_point

Array = NDArray[np.float64]

MOST_VALUES = 1 << 27
"""Largest number of node voltages: 1 GB."""


@dataclass(frozen=True)
class Simulated:
    """The result of an analysis.

    Attributes
    ----------
    analysis : {'op', 'tran'}
    nodes : tuple of N str
    time : (T,) array
        Times (s); a single 0 for an operating point.
    voltages : (T, N) array
    notes : list of str
        Parts of the netlist that were left out.
    """

    analysis: Literal["op", "tran"]
    nodes: tuple[str, ...]
    time: Array
    voltages: Array
    notes: list[str]

    def write(self, path: Path) -> None:
        """Write `time` and `v(NODE)` as one .npz file."""
        # Any: newer NumPy has the argument `allow_pickle`, which NumPy 2.0 and older would store as an array.
        arrays: dict[str, Any] = {f"v({node})": self.voltages[:, column] for column, node in enumerate(self.nodes)}
        with path.open("wb") as file:
            np.savez(file, time=self.time, **arrays)


def simulate(netlist: Path, times: Array | None = None) -> Simulated:
    """Compute the .tran of a netlist, or else its .op; with `times` (T,) in s, the transient at these times.

    Raises
    ------
    NetlistError
        If the netlist cannot be read, or asks for neither analysis and no times are given.
    ConfigError
        If the times do not increase, if there are too many voltages or steps, or if a voltage is not finite.
    """
    with np.errstate(all="ignore"):  # what is not finite is refused below
        found = _simulated(netlist, times)
    wrong = ~np.isfinite(found.voltages).all(axis=0)
    if wrong.any():
        raise ConfigError(
            f"{netlist}: no finite voltage was found at node {found.nodes[int(wrong.argmax())]}",
            remedy="check for values that are many orders of magnitude apart",
        )
    return found


def _simulated(netlist: Path, times: Array | None) -> Simulated:
    circuit = read_netlist(netlist)
    if times is None and circuit.transient is None:
        if not circuit.operating_point:
            raise NetlistError(Place(netlist, None), "it requests no analysis", "write .op or .tran STEP STOP in it")
        return Simulated("op", circuit.nodes, np.zeros(1), operating_point(circuit)[np.newaxis], circuit.notes)
    at = _asked_for(circuit) if times is None else _checked(times)
    if len(at) * len(circuit.nodes) > MOST_VALUES:
        raise ConfigError(
            f"{len(at)} times at {len(circuit.nodes)} nodes are {len(at) * len(circuit.nodes)} voltages, too many",
            limit=f"{MOST_VALUES}",
            remedy="use a longer .tran step, or give fewer times with --at",
        )
    return Simulated("tran", circuit.nodes, at, node_voltages(circuit, at), circuit.notes)


def read_times(path: Path) -> Array:
    """Read times (s) from an .npy file; raises ConfigError if it cannot be read."""
    try:
        return np.load(path, allow_pickle=False)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, EOFError) as error:
        raise ConfigError(
            f"{path} is not a .npy file", remedy="write it with numpy.save('times.npy', times)"
        ) from error


def _asked_for(circuit: Circuit) -> Array:
    """Return the times of .tran: every step from its start to its stop."""
    asked = circuit.transient
    assert asked is not None
    steps = (asked.stop_s - asked.start_s) / asked.step_s
    if steps > MOST_VALUES:
        raise NetlistError(
            asked.place,
            f".tran requests {steps:.3g} steps, more than {MOST_VALUES}",
            "use a longer step or an earlier stop",
        )
    count = int(np.floor(steps * (1 + 1e-12)))
    times = asked.start_s + asked.step_s * np.arange(count + 1, dtype=np.float64)
    return times if asked.stop_s - times[-1] < 1e-6 * asked.step_s else np.append(times, asked.stop_s)


def _checked(times: Array) -> Array:
    if not (isinstance(times, np.ndarray) and times.ndim == 1 and times.dtype.kind in "fiu" and len(times)):
        raise ConfigError("the times must be one row of numbers", remedy="save a one-dimensional array of seconds")
    at = times.astype(np.float64)
    if not (np.isfinite(at).all() and at[0] >= 0 and (np.diff(at) > 0).all()):
        raise ConfigError(
            "the times must be ≥ 0 and increase", remedy="sort them, and remove NaN, negative and repeated values"
        )
    return at
