"""Equilibrium of springs: one linear system for small displacements, Newton's method on the energy for finite ones.

E(x) = Σ ½ k_e (e_e(x) − s_e)² + Σ ½ κ x_i² + Σ_s [½ c_s q_s(x)² − f_s q_s(x)]. The springs have extensions e_e, which
are s_e at rest (0 unless rest lengths are trained); κ is the background; a source has its own stiffness c_s and exerts
the force f_s on q_s, which is a coordinate or the extension of a port. For small displacements every extension is B·x;
for finite ones it is the length ℓ minus the undisplaced distance of the points.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labrig.network.elastic.springs import Springs
from labrig.network.physics import NetworkError, Source

Array = NDArray[np.float64]

MOST_STEPS = 200
"""Newton steps before a network counts as having no equilibrium."""

MOST_CHORDS = 30
"""Largest number of steps with the inverse Hessian of a batch's first row; a row that needs more gets Newton steps."""

CLOSE = 1e-13
"""Step, relative to the longest spring, below which the search ends."""

LONGEST_STEP = 0.1
"""Largest change of a coordinate in one Newton step, relative to the mean length of springs."""


class Statics:
    """Base of both solvers: numbering, and the effect of sources. D coordinates, P ports, E springs, S sources."""

    def __init__(
        self, layout: Springs, sources: Sequence[Source], beside: Sequence[str], is_open: Collection[int] = ()
    ) -> None:
        self.size = len(layout.coordinates)
        place = {point: 2 * k for k, point in enumerate(p for p in range(len(layout.names)) if p not in layout.pinned)}
        nodes = {name: position for position, name in enumerate((*layout.nodes, *beside))}
        self._lines = Lines(layout.geometry.positions, layout.geometry.springs, place, self.size)
        pairs = np.array([(a, b) for _, a, b in layout.ports], dtype=np.intp).reshape(-1, 2)
        self._ports = Lines(layout.geometry.positions, pairs, place, self.size)
        self._background = np.full(self.size, layout.background)
        self._beside = len(beside)
        count = len(nodes)
        self._pushed = np.array([nodes[source.node] for source in sources], dtype=np.intp)
        shut = np.array([number in is_open for number in range(len(sources))], dtype=bool)
        self._force = np.array([0.0 if off else s.norton_s for s, off in zip(sources, shut, strict=True)])
        loads = np.zeros(count)
        for source, off in zip(sources, shut, strict=True):
            loads[nodes[source.node]] += 0.0 if off else 1.0 / source.ohm
        # The value of a node that is connected only to a source is the voltage of this source.
        self._coordinate_load, self._port_load = loads[: self.size], loads[self.size : count - self._beside]
        self._count = count
        self._adjusted = layout.adjusted
        count = len(layout.geometry.springs)
        self._k = np.full(count, 0.0 if layout.adjusted is None else layout.adjusted.stiffness)
        self._slack = np.zeros(count)  # rest length minus the undisplaced distance of a spring's points

    def set_parameters(self, values: ArrayLike) -> None:
        """Set the parameter (E,) of every spring: its stiffness (N/m), or its adjuster (m) for trained rest lengths."""
        if self._adjusted is None:
            self._k = np.array(values, dtype=float)
        else:
            self._slack = np.array(values, dtype=float) - self._adjusted.slack_m

    def _slopes(self, extension: Array) -> Array:
        """∂²E/∂e∂θ at extensions e (…, E): e for a stiffness, since ℓ₀ is then the distance; −k for a rest length."""
        return extension if self._adjusted is None else np.broadcast_to(-self._k, extension.shape)

    def _locals(self, extension: Array) -> Array:
        """∂E/∂θ at extensions (…, E): ½e² for a stiffness, −k(ℓ − ℓ₀) for a rest length."""
        return 0.5 * extension**2 if self._adjusted is None else -self._k * (extension - self._slack)

    def _forces(self, source_v: ArrayLike) -> tuple[Array, Array, Array]:
        """Forces on coordinates (B, D) and at ports (B, P), and values of nodes outside the network (B, X)."""
        played = np.atleast_2d(np.asarray(source_v, dtype=float))
        force = np.zeros((len(played), self._count))
        np.add.at(force.T, self._pushed, (played * self._force).T)
        beside = np.zeros((len(played), self._beside))
        first = self._count - self._beside
        for column, node in enumerate(self._pushed.tolist()):
            if node >= first:
                beside[:, node - first] = played[:, column]
        return force[:, : self.size], force[:, self.size : first], beside


class Lines:
    """Straight lines between points: springs or ports. L lines, D coordinates.

    Parameters
    ----------
    positions : (M, 2) array
        Positions of the points at rest (m).
    ends : (L, 2) array of int
        Indices of the points at the ends of each line.
    place : mapping of int to int
        Index of the first coordinate of each point that can move.
    size : int
        D.
    """

    def __init__(self, positions: Array, ends: NDArray[np.intp], place: dict[int, int], size: int) -> None:
        self.apart = positions[ends[:, 1]] - positions[ends[:, 0]]
        self.length = np.linalg.norm(self.apart, axis=1)
        self.select = np.zeros((len(ends), 2, size))
        for line, (a, b) in enumerate(ends.tolist()):
            for point, sign in ((b, 1.0), (a, -1.0)):
                if point in place:
                    self.select[line, 0, place[point]] += sign
                    self.select[line, 1, place[point] + 1] += sign
        self.at_rest = np.einsum("lc,lcd->ld", self.apart / self.length[:, np.newaxis], self.select)

    def stretched(self, x: Array) -> tuple[Array, Array, Array]:
        """(B, L) extensions, (B, L, 2) directions and (B, L) lengths at displacements (B, D)."""
        apart = self.apart + np.einsum("lcd,bd->blc", self.select, x)
        length = np.sqrt((apart**2).sum(axis=2))
        return length - self.length, apart / length[..., np.newaxis], length

    def slopes(self, direction: Array) -> Array:
        """(L, D) derivative of each extension with respect to each coordinate, for lines with directions (L, 2)."""
        return np.einsum("lc,lcd->ld", direction, self.select)


class Small(Statics):
    """Solver for small displacements, which is linear."""

    def __init__(
        self, layout: Springs, sources: Sequence[Source], beside: Sequence[str], is_open: Collection[int] = ()
    ) -> None:
        super().__init__(layout, sources, beside, is_open)
        self._inverse: Array | None = None

    def set_parameters(self, values: ArrayLike) -> None:
        """Set the parameter (E,) of every spring: its stiffness (N/m), or its adjuster (m) for trained rest lengths."""
        super().set_parameters(values)
        self._inverse = None

    @property
    def stiffness(self) -> Array:
        """(D, D) stiffness matrix (N/m)."""
        springs, ports = self._lines.at_rest, self._ports.at_rest
        matrix = springs.T @ (self._k[:, np.newaxis] * springs) + ports.T @ (self._port_load[:, np.newaxis] * ports)
        return matrix + np.diag(self._background + self._coordinate_load)

    @property
    def _compliance(self) -> Array:
        if self._inverse is None:
            self._inverse = np.asarray(np.linalg.inv(self.stiffness), dtype=np.float64)
        return self._inverse

    def states(self, source_v: ArrayLike) -> Array:
        """Displacements and extensions of ports (m), (N,) or (B, N), for source voltages (S,) or (B, S)."""
        on_coordinates, at_ports, beside = self._forces(source_v)
        at_rest = (self._k * self._slack) @ self._lines.at_rest
        x = (on_coordinates + at_ports @ self._ports.at_rest + at_rest) @ self._compliance
        states = np.concatenate((x, x @ self._ports.at_rest.T, beside), axis=1)
        return states if np.ndim(source_v) > 1 else states[0]

    def gradient(self, states: ArrayLike, output_gradient: ArrayLike) -> Array:
        """Exact ∂C/∂θ, (E,) or (B, E), from ∂C/∂state."""
        x, by_state = np.asarray(states, dtype=float), np.asarray(output_gradient, dtype=float)
        ports = slice(self.size, self.size + len(self._ports.length))
        force = -(by_state[..., : self.size] + by_state[..., ports] @ self._ports.at_rest)
        springs = self._lines.at_rest.T
        return self._slopes(x[..., : self.size] @ springs) * (force @ self._compliance @ springs)

    def local(self, states: ArrayLike) -> Array:
        """∂E/∂θ of every spring."""
        x = np.asarray(states, dtype=float)
        return self._locals(x[..., : self.size] @ self._lines.at_rest.T)


class Finite(Statics):
    """Solver for finite displacements, with actual extensions and the geometric stiffness due to tension."""

    def __init__(
        self, layout: Springs, sources: Sequence[Source], beside: Sequence[str], is_open: Collection[int] = ()
    ) -> None:
        super().__init__(layout, sources, beside, is_open)
        self._last = np.zeros(self.size)
        self._pushing: dict[bytes, Array] = {}  # forces at the ports, keyed by the resulting displacements

    def states(self, source_v: ArrayLike) -> Array:
        """Displacements and extensions of ports (m), (N,) or (B, N), for source voltages (S,) or (B, S)."""
        on_coordinates, at_ports, beside = self._forces(source_v)
        x = self._at_rest(on_coordinates, at_ports)
        states = np.concatenate((x, self._ports.stretched(x)[0], beside), axis=1)
        return states if np.ndim(source_v) > 1 else states[0]

    def gradient(self, states: ArrayLike, output_gradient: ArrayLike) -> Array:
        """Exact ∂C/∂θ, (E,) or (B, E), from ∂C/∂state."""
        every, by_every = np.atleast_2d(states), np.atleast_2d(output_gradient)
        ports = slice(self.size, self.size + len(self._ports.length))
        rows: list[Array] = []
        for x, by_state in zip(every, np.broadcast_to(by_every, every.shape), strict=True):
            place = x[: self.size][np.newaxis]
            extension, direction, _ = self._lines.stretched(place)
            _, at_ports, _ = self._ports.stretched(place)
            by_x = by_state[: self.size] + by_state[ports] @ self._ports.slopes(at_ports[0])
            answer = -_solved(self._hessian(x[: self.size], self._port_forces(x)), by_x)
            rows.append(self._slopes(extension[0]) * (self._lines.slopes(direction[0]) @ answer))
        found = np.array(rows)
        return found if np.ndim(states) > 1 else found[0]

    def local(self, states: ArrayLike) -> Array:
        """∂E/∂θ of every spring."""
        x = np.atleast_2d(states)[:, : self.size]
        found = self._locals(self._lines.stretched(x)[0])
        return found if np.ndim(states) > 1 else found[0]

    def _port_forces(self, state: Array) -> Array:
        """(P,) forces at the ports that led to this state; 0 for a state that this solver did not compute."""
        return self._pushing.get(state[: self.size].tobytes(), np.zeros(len(self._ports.length)))

    def _at_rest(self, on_coordinates: Array, at_ports: Array) -> Array:
        """(B, D) displacements in equilibrium.

        The search starts from the last equilibrium found, and one inverse Hessian serves all rows that are close enough
        to the first.
        """
        x = np.tile(self._last, (len(on_coordinates), 1))
        x[:1] = self._newton(x[0], on_coordinates[0], at_ports[0])
        x[1:] = x[0]
        inverse = np.linalg.inv(self._hessian(x[0], at_ports[0]))
        close, near = CLOSE * self._lines.length.max(), LONGEST_STEP * self._lines.length.mean()
        active, alone = np.arange(1, len(x)), list[int]()
        for _ in range(MOST_CHORDS):
            if not len(active):
                break
            step = self._residual(x[active], on_coordinates[active], at_ports[active]) @ inverse
            size = np.abs(step).max(axis=1)
            alone += active[size > near].tolist()  # too far from the first row to use its inverse
            x[active] -= np.where(size > near, 0.0, 1.0)[:, np.newaxis] * step
            active = active[(size > close) & (size <= near)]
        for row in (*alone, *active.tolist()):
            x[row] = self._newton(x[0], on_coordinates[row], at_ports[row])
        self._last = x[0].copy()
        self._pushing = {row.tobytes(): force for row, force in zip(x, at_ports, strict=True)}
        return x

    def _newton(self, x: Array, on_coordinates: Array, at_ports: Array) -> Array:
        scale, longest = self._lines.length.max(), LONGEST_STEP * self._lines.length.mean()
        for _ in range(MOST_STEPS):
            residual = self._residual(x[np.newaxis], on_coordinates[np.newaxis], at_ports[np.newaxis])[0]
            step = _solved(self._hessian(x, at_ports), residual)
            size = np.abs(step).max()
            x = x - step * min(1.0, longest / size if size > 0 else 1.0)
            if size <= CLOSE * scale:
                return x
        raise NetworkError(f"no equilibrium of the springs was found in {MOST_STEPS} Newton steps; lower the forces")

    def _residual(self, x: Array, on_coordinates: Array, at_ports: Array) -> Array:
        """(B, D) gradient of the energy."""
        extension, direction, _ = self._lines.stretched(x)
        pulled = np.einsum(
            "bl,blc,lcd->bd", self._k * (extension - self._slack), direction, self._lines.select, optimize=True
        )
        extension, direction, _ = self._ports.stretched(x)
        pushing = self._port_load * extension - at_ports
        pulled += np.einsum("bl,blc,lcd->bd", pushing, direction, self._ports.select, optimize=True)
        return pulled + (self._background + self._coordinate_load) * x - on_coordinates

    def _hessian(self, x: Array, at_ports: Array) -> Array:
        """(D, D) second derivative of the energy."""
        matrix = np.diag(self._background + self._coordinate_load)
        for lines, k, push in (
            (self._lines, self._k, self._k * self._slack),
            (self._ports, self._port_load, at_ports),
        ):
            if not len(lines.length):
                continue
            extension, direction, length = (part[0] for part in lines.stretched(x[np.newaxis]))
            along = lines.slopes(direction)
            across = lines.slopes(np.stack((-direction[:, 1], direction[:, 0]), axis=1))
            tension = (k * extension - push) / length
            matrix += along.T @ (k[:, np.newaxis] * along) + across.T @ (tension[:, np.newaxis] * across)
        return matrix


def _solved(matrix: Array, vector: Array) -> Array:
    return np.asarray(np.linalg.solve(matrix, vector), dtype=np.float64)
