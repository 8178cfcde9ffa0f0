"""A physics by somebody else: pendulums in a row, coupled by torsion springs that are trained, at rest."""

from dataclasses import dataclass

import numpy as np

from labrig.config.section import Section
from labrig.medium import Medium
from labrig.network.physics import Edge, Physics

TORSION = Medium(
    state="angle",
    flow="torque",
    parameter="torsional_stiffness",
    power="energy",
    flow_key="torque",
    examples=(("state", "100 mrad"), ("flow", "1 mN·m"), ("parameter", "10 mN·m/rad"), ("power", "1 mJ")),
)


class Pendulums(Physics):
    """E = Σ w (1 − cos xₖ) + Σ ½θ (xₖ − xₖ₊₁)² + Σ (½ c x² − τ x) over the sources."""

    medium = TORSION

    class Options(Section):
        pendulums: int
        weight: float  # torque of gravity at a right angle (N·m)

    @classmethod
    def build(cls, options, report):
        if options.pendulums < 2:
            report(("pendulums",), "a row needs at least two")
            return None
        return Row(options.pendulums, options.weight)


@dataclass(frozen=True)
class Row:
    count: int
    weight: float
    sources: tuple = ()
    beside: tuple[str, ...] = ()
    numbered: bool = True
    linear: bool = False

    @property
    def nodes(self):
        return (*(f"p{k}" for k in range(self.count)), *self.beside)

    @property
    def edges(self):
        return tuple(Edge(f"p{k}-p{k + 1}", f"p{k}", f"p{k + 1}") for k in range(self.count - 1))

    @property
    def shape(self):
        return {"pendulums": self.count}

    @property
    def fixed(self):
        return {"weights": self.count}

    def with_sources(self, sources, beside=()):
        return Row(self.count, self.weight, tuple(sources), tuple(beside))

    def check(self):
        pass

    def undetermined_nodes(self):
        return ()

    def equilibrium(self, is_open=()):
        return Rest(self, is_open)


class Rest:
    def __init__(self, row, is_open):
        self.row, count = row, row.count
        self.drop = np.eye(count - 1, count) - np.eye(count - 1, count, 1)
        self.into = np.zeros((len(row.sources), len(row.nodes)))
        self.load = np.zeros(count)
        for k, source in enumerate(row.sources):
            place, shut = row.nodes.index(source.node), k in is_open
            self.into[k, place] = 1.0 if place >= count else 0.0 if shut else source.norton_s
            if place < count and not shut:
                self.load[place] += 1 / source.ohm

    def set_parameters(self, values):
        self.stiffness = self.drop.T @ (np.asarray(values)[:, None] * self.drop) + np.diag(self.load)

    def states(self, source_v):
        played = np.atleast_2d(source_v) @ self.into
        for row in played:
            row[: self.row.count] = self.at_rest(row[: self.row.count])
        return played if np.ndim(source_v) > 1 else played[0]

    def at_rest(self, torque):
        x = np.zeros(self.row.count)
        for _ in range(50):
            step = np.linalg.solve(self.hessian(x), torque - self.stiffness @ x - self.row.weight * np.sin(x))
            x = x + step
            if np.abs(step).max() < 1e-15:
                break
        return x

    def hessian(self, x):
        return self.stiffness + self.row.weight * np.diag(np.cos(x))

    def gradient(self, states, output_gradient):
        x = states[: self.row.count]
        response = -np.linalg.solve(self.hessian(x), output_gradient[: self.row.count])
        return (self.drop @ x) * (self.drop @ response)

    def local(self, states):
        return 0.5 * (states[..., : self.row.count] @ self.drop.T) ** 2
