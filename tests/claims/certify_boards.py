"""`labrig certify` on fresh random boards, half of which were made wrong: no wrong one passes, no right one fails."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from common import ROOT, Figure, at_least, at_most, in_parallel, seeds
from random_boards import KINDS, WITH_DIODES, board

from labrig.assembly import Assembly, Setup, assemble
from labrig.instruments.contracts import Truth
from labrig.procedures.certify import Verdict, certify, judge

sys.path.insert(0, str(ROOT / "tests"))  # wrapped instruments are shared with the tests

from unit.rig.benches import Wrapper, setup_with
from unit.rig.saboteurs import Loud

SABOTAGE = ("sign", "swap", "gain", "sine", "current", "stuck")
OVERRIDES = {"sine": ["learning.activation=sine"], "current": ["learning.error.current=5 µA"]}
BITS = (16, 12, 8)
HARMED = 0.02
"""Bias on an ideal bench from which on a board counts as wrong: twice the bound."""
CLEAR = 0.5
"""An edge is sabotaged whose gradient is at least this share of the root mean square."""


class SwappedChannels(Wrapper):
    """A programmer with two channels exchanged between its terminals and the board."""

    def __init__(self, inner: Any, one: str, other: str) -> None:
        super().__init__(inner)
        self.exchanged = {one: other, other: one}

    def program(self, settings: Any) -> Any:
        report = self.inner.program({self.exchanged.get(c, c): setting for c, setting in settings.items()})
        there = {self.exchanged.get(c, c): setting for c, setting in report.read_back.items()}
        written, verified = (
            tuple(self.exchanged.get(c, c) for c in names) for names in (report.written, report.verified)
        )
        return replace(report, written=written, verified=verified, read_back=there)


class StuckWiper(Wrapper):
    """A programmer with a wiper that stays where it was at power-up; its register reads back what was written."""

    def __init__(self, inner: Any, channel: str) -> None:
        super().__init__(inner)
        self.channel = channel

    def program(self, settings: Any) -> Any:
        return self.inner.program({c: setting for c, setting in settings.items() if c != self.channel})


@dataclass(frozen=True)
class Outcome:
    """What certify said: the verdict, and whether it named the edges that were made wrong (None if there are none)."""

    verdict: str
    named: bool | None


def outcome(kind: int, seed: int, bits: int, sabotage: str | None) -> Outcome:
    """Certify one board. One that a wrong current or activation does not harm is replaced by the next one."""
    with tempfile.TemporaryDirectory() as folder:
        overrides = OVERRIDES.get(sabotage or "", [])
        path = board(kind, seed, bits, Path(folder))
        while overrides and _bias_without_noise(path, overrides) < HARMED:
            seed += 1
            path = board(kind, seed, bits, Path(folder))
        assembly = assemble(path, overrides)
        edges = _clear_edges(assembly, seed, sabotage)
        setup = _sabotaged(assembly, sabotage, edges)
        with setup.rig as rig:
            if sabotage == "sign":
                _flip(rig, edges[0])
            update = assembly.update(rig)
            examples = assembly.task.representatives()[:4]
            judgement = judge(certify(assembly.probe(rig, update), update, setup.bench.truth, examples))
            names = {rig.edges[edge] for edge in edges}
    found = {edge.name for edge in judgement.wrong_edges}
    return Outcome(judgement.verdict.value, bool(names & found) if names else None)


def _bias_without_noise(path: Path, overrides: list[str]) -> float:
    """Relative error of the gradient that ideal instruments measure on this board, with its actual parts."""
    assembly = assemble(path, [*overrides, "simulation.preset=ideal", "simulation.part_tolerance=true"])
    setup = assembly.setup()
    with setup.rig as rig:
        update = assembly.update(rig)
        rig.program(update.settings())
        probe, truth = assembly.probe(rig, update), setup.bench.truth
        assert truth is not None
        measured, exact = [], []
        for k in assembly.task.representatives()[:4]:
            gradient = probe.gradient(k).gradient
            assert gradient is not None
            measured.append(gradient.value)
            exact.append(_exact(assembly, truth, k))
    return float(np.linalg.norm(np.subtract(measured, exact)) / np.linalg.norm(exact))


def _exact(assembly: Assembly, truth: Truth, example: int) -> np.ndarray:
    task, loss = assembly.task, assembly.loss
    return truth.gradient(
        task.activation[example],
        lambda outputs: loss.gradient(outputs, task.target[example]),
        assembly.learning.activation == "sine",
    )


def _clear_edges(assembly: Assembly, seed: int, sabotage: str | None) -> list[int]:
    """One edge, or two that can be told apart, with a clear gradient; none if the whole board is made wrong."""
    if sabotage not in ("sign", "swap", "stuck"):
        return []
    setup = assembly.setup()
    with setup.rig as rig:
        settings = assembly.update(rig).settings()
        truth = setup.bench.truth
        assert truth is not None

        def exact(first: int = 0, other: int = 0) -> np.ndarray:
            rig.program({**settings, first: settings[other], other: settings[first]})
            return np.array([_exact(assembly, truth, k) for k in assembly.task.representatives()[:4]])

        size = np.linalg.norm(exact(), axis=0)
        order = np.random.default_rng(seed).permutation(len(size))
        clear = [int(k) for k in order if size[k] >= CLEAR * np.sqrt(np.mean(size**2))]
        if sabotage != "swap":
            return clear[:1]
        # What counts is the board on which they are exchanged: there the two gradients may have become the same.
        first = clear[0]
        apart = {
            k: float(np.linalg.norm(np.diff(exact(first, k)[:, [first, k]]))) for k in order.tolist() if k != first
        }
    return [first, next((k for k in clear[1:] if apart[k] > size[first]), max(apart, key=lambda k: apart[k]))]


def _sabotaged(assembly: Assembly, sabotage: str | None, edges: list[int]) -> Setup:
    hookup = assembly.board.hookup
    channels = [hookup.edges[edge].channel for edge in edges]
    if sabotage == "swap":
        return setup_with(assembly, pots=lambda inner: SwappedChannels(inner, *channels))
    if sabotage == "stuck":
        return setup_with(assembly, pots=lambda inner: StuckWiper(inner, *channels))
    if sabotage == "gain":

        def loud(inner: Any) -> Any:
            for wire in hookup.outputs:
                inner = Loud(inner, wire.channel, 1.02)
            return inner

        return setup_with(assembly, awg=loud)
    return assembly.setup()


def _flip(rig: Any, edge: int) -> None:
    """From now on one edge's b has the wrong sign."""
    measure = rig.measure

    def flipped(*arguments: Any, **keywords: Any) -> Any:
        response = measure(*arguments, **keywords)
        b = response.b.copy()
        b[:, edge] *= -1
        return replace(response, b=b)

    rig.measure = flipped


def measure(short: bool) -> list[Figure]:
    half = 4 if short else 30
    chosen = seeds("certify boards", 2 * half)
    sabotage: list[str | None] = [None] * half + [SABOTAGE[k % len(SABOTAGE)] for k in range(half)]
    kinds = [k % len(KINDS) for k in range(half)]
    kinds += [_kind(what, k // len(SABOTAGE)) for k, what in enumerate(sabotage[half:])]
    figures = []
    for bits in BITS[:2] if short else BITS:
        found = in_parallel(outcome, kinds, chosen, [bits] * (2 * half), sabotage)
        right, wrong = found[:half], found[half:]
        passed = sum(each.verdict == Verdict.RIGHT.value for each in wrong)
        failed = sum(each.verdict == Verdict.WRONG.value for each in right)
        open_ones = sum(each.verdict == Verdict.UNRESOLVED.value for each in found)
        local = [each for each in wrong if each.named is not None and each.verdict == Verdict.WRONG.value]
        named = sum(bool(each.named) for each in local)
        caught = sum(each.verdict == Verdict.WRONG.value for each in wrong)
        where = f"{bits} bits"
        figures += [
            at_most(f"{where}: wrong boards of {half} that pass", passed, 0, "d"),
            at_most(f"{where}: right boards of {half} that fail", failed, half // 30, "d"),
            Figure(f"{where}: wrong edges named", f"{named} of {len(local)}", "all", named == len(local)),
        ]
        share = open_ones / len(found)
        if bits == 8:
            figures.append(Figure(f"{where}: unresolved", f"{open_ones} of {len(found)}", "as it is", True))
        else:
            figures.append(at_most(f"{where}: share unresolved", share, 0.2, ".2f"))
            figures.append(at_least(f"{where}: wrong boards found", caught, half - len(found) // 5, "d"))
    return figures


def _kind(sabotage: str | None, number: int) -> int:
    """The kinds in turn, but with diodes where the sabotage needs them."""
    if sabotage == "current":
        return 3
    return WITH_DIODES[number % 2] if sabotage == "sine" else number % len(KINDS)
