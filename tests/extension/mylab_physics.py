"""A physics by somebody else: two scalar nodes, coupled by a programmable spring, one of them on a hardening spring."""

from dataclasses import dataclass

import numpy as np

from labrig.config.section import Section
from labrig.network.physics import Edge, Physics, Source


class Coupled(Physics):
    """E = ½θ(x₁ − x₂)² + ¼ h x₂⁴ + Σ ½ g (x − v)² over the sources."""

    class Options(Section):
        hardening: float

    @classmethod
    def build(cls, options, report):
        if options.hardening < 0:
            report(("hardening",), "must not be negative: the spring would not hold")
            return None
        return Pair(options.hardening)


@dataclass(frozen=True)
class Pair:
    hardening: float
    nodes: tuple[str, ...] = ("driven", "free")
    edges: tuple[Edge, ...] = (Edge("coupling", "driven", "free"),)
    numbered: bool = False

    @property
    def shape(self):
        return {"coupled": 2}

    def with_sources(self, sources, beside=()):
        return PairWithSources(self.hardening, (*self.nodes, *beside), self.edges, tuple(sources))


@dataclass(frozen=True)
class PairWithSources:
    hardening: float
    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]
    sources: tuple[Source, ...]
    linear: bool = False

    @property
    def fixed(self):
        return {"hardening": 1}

    def check(self):
        pass

    def undetermined_nodes(self):
        return ()

    def equilibrium(self, is_open=()):
        return Minimum(self, is_open)


class Minimum:
    """Newton on the energy; sources that are open pull with a negligible spring."""

    def __init__(self, network, is_open):
        self.network = network
        size = len(network.nodes)
        self.pull, self.played = np.zeros(size), np.zeros((len(network.sources), size))
        for row, source in enumerate(network.sources):
            node = network.nodes.index(source.node)
            g = source.norton_s * (1e-9 if row in is_open else 1.0)
            self.pull[node], self.played[row, node] = g, g

    def set_parameters(self, values):
        self.theta = float(np.asarray(values)[0])

    def states(self, source_v):
        force = np.asarray(source_v, dtype=float) @ self.played
        return np.array([self.at_rest(f) for f in np.atleast_2d(force)]).reshape(force.shape)

    def at_rest(self, force):
        x = np.zeros(len(force))
        for _ in range(50):
            step = np.linalg.solve(self.hessian(x), force - self.forces(x))
            x = x + step
            if np.abs(step).max() < 1e-14:
                break
        return x

    def forces(self, x):
        spring = self.theta * (x[0] - x[1])
        result = self.pull * x
        result[0] += spring
        result[1] += self.network.hardening * x[1] ** 3 - spring
        return result

    def hessian(self, x):
        matrix = np.diag(self.pull)
        matrix[:2, :2] += self.theta * np.array([[1.0, -1.0], [-1.0, 1.0]])
        matrix[1, 1] += 3 * self.network.hardening * x[1] ** 2
        return matrix

    def gradient(self, states, output_gradient):
        response = -np.linalg.solve(self.hessian(states), output_gradient)
        return np.array([(states[0] - states[1]) * (response[0] - response[1])])

    def local(self, states):
        return 0.5 * (states[..., :1] - states[..., 1:2]) ** 2
