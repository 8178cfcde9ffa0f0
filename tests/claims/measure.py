"""`labrig measure --scan`: of healthy boards nothing is marked as off, of boards with one wrong wire its nodes are."""

from __future__ import annotations

import numpy as np
from common import CONFIGS, Figure, at_least, at_most, in_parallel, seeds

from labrig.assembly import assemble
from labrig.assembly.sections.miswired import places
from labrig.procedures.measure import Meter, scan

BOARDS = ("iris.yaml", "xor.yaml", "iris_hidden.yaml")
KINDS = ("swap", "open", "dead", "inverted", "swap_drive")


def outcome(board: str, kind: str, seed: int) -> tuple[int, int, bool]:
    """How many answers are off, of how many, and whether every wrong wire is among them."""
    names: tuple[str, ...] = ()
    overrides = [f"seed={seed}"]
    if kind != "healthy":
        names = _drawn(board, kind, seed)
        written = names[0] if len(names) == 1 else f"[{', '.join(names)}]"
        overrides.append(f"simulation.miswired=[{{{kind}: {written}}}]")
    assembly = assemble(CONFIGS / board, overrides)
    with assembly.open_rig() as rig:
        rig.program(assembly.update(rig).settings())
        found = scan(assembly, rig, Meter(assembly, rig))
    off = {name for row, column in found.off for name in (row.wire.node, found.nodes[column])}
    return len(found.off), len(found.answers) * len(found.nodes), set(names) <= off


def _drawn(board: str, kind: str, seed: int) -> tuple[str, ...]:
    """The wires that are wrong: one, or two that are exchanged."""
    there = places(assemble(CONFIGS / board, []).board.hookup)
    generator = np.random.default_rng(seed)
    inputs = [name for name in there.inputs if name != there.pilot]
    count = 2 if kind.startswith("swap") else 1
    return tuple(generator.permutation(inputs)[:count].tolist())


def measure(short: bool) -> list[Figure]:
    count = 6 if short else 60
    several = seeds("measure", 2 * count)
    boards = [BOARDS[k % (2 if short else 3)] for k in range(count)]
    kinds = [KINDS[k % len(KINDS)] for k in range(count)]
    healthy = in_parallel(outcome, boards, ["healthy"] * count, several[:count])
    wrong = in_parallel(outcome, boards, kinds, several[count:])
    answers = sum(total for _, total, _ in healthy)
    marked = 100 * sum(off for off, _, _ in healthy) / answers
    found = 100 * sum(all_of_them for _, _, all_of_them in wrong) / count
    return [
        at_most(f"answers of {count} healthy boards that are marked as off, of {answers} (%)", marked, 0.1),
        at_least(f"wrong wires of {count} boards whose nodes are all marked (%)", found, 100, ".1f"),
    ]
