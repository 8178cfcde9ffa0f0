"""The solver of one network: conductances in, voltages and gradients out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labrig.network.physics import GROUND, NetworkError
from labrig.network.resistive.graph import Graph, incidence
from labrig.network.resistive.junctions import diode_arrays
from labrig.network.resistive.solve.adjoint import adjoint
from labrig.network.resistive.solve.linear import Reduction, reduce
from labrig.network.resistive.solve.many import samples_for_compiled
from labrig.network.resistive.solve.newton import operating_points
from labrig.network.resistive.solve.problem import Problem, diode_stamps, posed
from labrig.network.resistive.solve.stamps import conductance_stamps

FloatArray = NDArray[np.float64]

NODES_AT_ONCE = 32
"""Number of nodes whose resistances are computed at once, because each node needs its own Jacobian."""


class Solver:
    """Solver of `graph`. Quantities that depend only on the conductances are cached until these change.

    Internally, nodes without diodes come first and are eliminated; Newton's method solves for the others. Results
    depend only on the arguments and the present conductances, never on earlier calls.

    Raises NetworkError for a graph with floating nodes.
    """

    def __init__(self, graph: Graph) -> None:
        graph.check()
        self.graph = graph
        touched = {node for diode in graph.diodes for node in (diode.anode, diode.cathode)}
        ordered = [node for node in graph.nodes if node not in touched]
        self._eliminated = len(ordered)
        ordered += [node for node in graph.nodes if node in touched]
        position = {node: place for place, node in enumerate(ordered)}

        index = {node: number for number, node in enumerate(graph.nodes)}
        self._order = np.array([index[node] for node in ordered], dtype=np.intp)
        self._stamps = conductance_stamps(graph, position, self._eliminated)
        # Every source has its own node.
        self._driven = np.array([position[source.node] for source in graph.sources], dtype=np.intp)
        self._norton_s = np.array([source.norton_s for source in graph.sources])

        # Ground is read from a zero appended after the last node.
        index[GROUND] = len(ordered)
        ends = [[index[edge.a], index[edge.b]] for edge in graph.edges]
        self._ends = np.array(ends, dtype=np.intp).reshape(-1, 2)

        kept = ordered[self._eliminated :]
        self._incidence = incidence(kept, [(diode.anode, diode.cathode) for diode in graph.diodes]).T.copy()
        self._diodes = diode_arrays([diode.model for diode in graph.diodes], [diode.count for diode in graph.diodes])
        self._diode_stamps = diode_stamps(self._incidence)

        self._siemens: FloatArray | None = None
        self._prepared: tuple[Reduction, Problem | None] | None = None

    @property
    def method(self) -> str:
        """Description of the method in one line; for a batch it also depends on how much the samples differ."""
        kept, diodes = len(self.graph.nodes) - self._eliminated, len(self.graph.diodes)
        if not diodes:
            return f"linear, {len(self.graph.nodes)} nodes by a {self._stamps.storage} factorization"
        eliminated = (
            f"{self._eliminated} nodes eliminated exactly ({self._stamps.storage}), " if self._eliminated else ""
        )
        lanes = samples_for_compiled(diodes, kept)
        return (
            f"{eliminated}Newton's method on {kept} {'node' if kept == 1 else 'nodes'} with {diodes} "
            f"{'diode' if diodes == 1 else 'diodes'}; small tones by chord iteration, "
            f"{lanes} or more very different samples by compiled code"
        )

    def set_parameters(self, siemens: ArrayLike) -> None:
        """Set the conductances (S) of all programmable edges, in the order of `graph.edges`.

        Raises NetworkError for a wrong length, and for values that are negative or not finite. Zeros that leave a node
        floating raise NetworkError when the network is solved.
        """
        values = np.array(siemens, dtype=float)
        if values.shape != (len(self.graph.edges),):
            raise NetworkError(
                f"the conductances have the wrong shape {values.shape}", limit=f"({len(self.graph.edges)},)"
            )
        if not (np.isfinite(values).all() and (values >= 0).all()):
            bad = int(np.flatnonzero(~(np.isfinite(values) & (values >= 0)))[0])
            raise NetworkError(
                f"conductance of edge {self.graph.edges[bad].name!r} is {float(values[bad])!r} S",
                limit="finite and >= 0",
            )
        if self._siemens is None or not np.array_equal(values, self._siemens):
            self._siemens = values
            self._prepared = None

    def states(self, source_v: ArrayLike, injected: ArrayLike | None = None) -> FloatArray:
        """Node voltages (V): (N,), or (B, N) if an argument has a batch axis.

        `source_v`, (S,) or (B, S), are the voltages that the sources play (V), in the order of `graph.sources`;
        `injected`, (N,) or (B, N), are currents injected into the nodes (A). The remaining error of Newton's method is
        about 1e-12 of full scale. Raises NetworkError for wrong shapes, for values that are not finite, and if no
        solution is found.
        """
        reduction, problem = self._prepare()
        played = np.asarray(source_v, dtype=float)
        if played.ndim not in (1, 2) or played.shape[-1] != len(self.graph.sources):
            raise NetworkError(
                f"the source voltages have the wrong shape {played.shape}", limit=f"(..., {len(self.graph.sources)})"
            )
        current = np.zeros((*played.shape[:-1], len(self._order)))
        current[..., self._driven] = played * self._norton_s
        if injected is not None:
            current = current + self._checked(injected, "array of injected currents")[..., self._order]
        if not np.isfinite(current).all():
            raise NetworkError("a source voltage or an injected current is not finite; pass finite numbers only")
        batch = current if current.ndim == 2 else current[None, :]
        count = len(batch)
        if count > 1 and (batch == batch[0]).all():  # matrix products would round equal rows differently
            batch = batch[:1]
        solved = reduction.fold(batch)
        if problem is not None and len(batch):
            solved = operating_points(problem, solved)
        voltages = reduction.expand(batch, solved)
        return self._restored(voltages if len(voltages) == count else np.repeat(voltages, count, axis=0), current.ndim)

    def with_currents(self, source_v: ArrayLike, current_a: ArrayLike) -> FloatArray:
        """Node voltages (V) with the currents (N,) or (B, N) injected into the nodes (A), otherwise as `states`."""
        return self.states(source_v, current_a)

    def sensitivity(self, v: ArrayLike, output_gradient: ArrayLike) -> FloatArray:
        """λ = −H⁻¹·dC/dv at the operating point `v`: the response to the error current −dC/dv, measured as b/γ.

        `v` (V) and `output_gradient` (dC/dv, in cost per volt) are (N,) or (B, N), and so is the result.
        """
        reduction, problem = self._prepare()
        at, cost = np.broadcast_arrays(
            self._checked(v, "array of voltages"), self._checked(output_gradient, "cost gradient")
        )
        response = adjoint(reduction, problem, _rows(at)[:, self._order], _rows(cost)[:, self._order])
        return self._restored(response, at.ndim)

    def resistances(self, states: ArrayLike, nodes: Sequence[int]) -> FloatArray:
        """Small-signal resistance (Ω) from each of `nodes` to ground, (len(nodes),), at the node voltages (N,)."""
        at = np.asarray(states, dtype=float)
        found = np.empty(len(nodes))
        for first in range(0, len(nodes), NODES_AT_ONCE):
            some = np.asarray(nodes[first : first + NODES_AT_ONCE], dtype=np.intp)
            drawn = np.zeros((len(some), len(at)))
            drawn[np.arange(len(some)), some] = -1.0  # the response to 1 A into the node
            found[first : first + len(some)] = self.sensitivity(at, drawn)[np.arange(len(some)), some]
        return found

    def gradient(self, v: ArrayLike, output_gradient: ArrayLike) -> FloatArray:
        """Exact ∂C/∂θ_k = drop_k(v)·drop_k(λ) in cost per siemens, (E,) or (B, E); arguments as in `sensitivity`."""
        return self.drops(np.asarray(v, dtype=float)) * self.drops(self.sensitivity(v, output_gradient))

    def local(self, states: ArrayLike) -> FloatArray:
        """½u² (V²) of every edge's drop u, (E,) or (B, E), at node voltages (N,) or (B, N): ∂E/∂θ of a resistor."""
        return 0.5 * self.drops(np.asarray(states, dtype=float)) ** 2

    def drops(self, v: FloatArray) -> FloatArray:
        """Edge drops (V), (E,) or (B, E), of the node voltages `v`, (N,) or (B, N)."""
        grounded = np.zeros((*v.shape[:-1], v.shape[-1] + 1))
        grounded[..., :-1] = v
        return grounded[..., self._ends[:, 0]] - grounded[..., self._ends[:, 1]]

    def _prepare(self) -> tuple[Reduction, Problem | None]:
        if self._prepared is None:
            if self._siemens is None:
                raise NetworkError("the conductances are not set", remedy="call set_parameters first")
            if not self._siemens.all():
                self.graph.check({edge.name for edge, s in zip(self.graph.edges, self._siemens, strict=True) if s == 0})
            reduction = reduce(self._stamps, self._siemens)
            problem = None
            if self.graph.diodes:
                problem = posed(reduction.conductance_s, self._incidence, self._diodes, self._diode_stamps)
            self._prepared = reduction, problem
        return self._prepared

    def _checked(self, values: ArrayLike, what: str) -> FloatArray:
        array = np.asarray(values, dtype=float)
        if array.ndim not in (1, 2) or array.shape[-1] != len(self.graph.nodes):
            raise NetworkError(f"the {what} has the wrong shape {array.shape}", limit=f"(..., {len(self.graph.nodes)})")
        return array

    def _restored(self, rows: FloatArray, dimensions: int) -> FloatArray:
        """Rows (B, N) in the graph's own order of nodes, without a batch axis if there was none."""
        restored = np.empty(rows.shape)
        restored[:, self._order] = rows
        return restored if dimensions == 2 else restored[0]


def _rows(array: FloatArray) -> FloatArray:
    return array if array.ndim == 2 else array[None, :]
