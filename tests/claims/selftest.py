"""`labrig selftest` on benches that were wired wrongly: what is wrong is named, and healthy ones are left in peace."""

from __future__ import annotations

from collections import Counter

import numpy as np
from common import CONFIGS, Figure, at_least, at_most, in_parallel, seeds

from labrig.assembly import assemble
from labrig.assembly.sections.miswired import places
from labrig.procedures.selftest import selftest
from labrig.simulation.section import MISWIRINGS

BOARDS = ("iris.yaml", "xor.yaml", "iris_hidden.yaml")
KINDS = ("healthy", *MISWIRINGS.own)
DIGITIZERS = ((), ("instruments.daq.bits=12", "instruments.daq.full_scale=5 V"))
"""As configured, 16 bits and ± 2 V; and one whose steps, 2.4 mV, are coarser than noise."""
OHMS = ("1 kΩ", "4.7 kΩ", "1 MΩ")
FACTORS = (0.1, 0.2, 5, 10)


def drawn(kind: str, config: str, seed: int) -> tuple[str, tuple[str, ...]]:
    """A random fault of a kind on a board, as written in `simulation.miswired`, and its names."""
    if kind == "healthy":
        return "[]", ()
    generator = np.random.default_rng(seed)
    there = places(assemble(CONFIGS / config, []).board.hookup)
    miswiring = MISWIRINGS.find(kind)
    names = [name for name in there.of(miswiring.at) if name != there.pilot]
    if kind == "swap_drive":  # of two sources of one kind: an input's and an error's are told apart by their plugs
        names = list((there.inputs, there.outputs)[generator.integers(2)])
    picked = generator.permutation(names)[: generator.choice(miswiring.count)].tolist()
    if miswiring.takes == "resistance":
        return f"[{{{kind}: {{{picked[0]}: {generator.choice(OHMS)}}}}}]", tuple(picked)
    if miswiring.takes == "number":
        return f"[{{{kind}: {{{picked[0]}: {generator.choice(FACTORS)}}}}}]", tuple(picked)
    return f"[{{{kind}: {picked[0] if len(picked) == 1 else '[' + ', '.join(picked) + ']'}}}]", tuple(picked)


def outcome(kind: str, config: str, seed: int) -> str:
    """What came out: "right", "false alarm", or what was named instead."""
    written, names = drawn(kind, config, seed)
    digitizer = DIGITIZERS[seed % 2]
    assembly = assemble(CONFIGS / config, [f"seed={seed}", f"simulation.miswired={written}", *digitizer])
    with assembly.open_rig() as rig:
        found = selftest(assembly, rig)
    if kind == "healthy":
        return "right" if found.verdict == "healthy" else "false alarm"
    for finding in found.findings[:1]:
        if (kind, set(names)) in [(each.key, set(each.names)) for each in (finding.fault, *finding.alike)]:
            return "right" if len(found.findings) == 1 else f"{written}: and {found.findings[1:]}"
    faults = [each.fault for each in found.findings]
    return f"{config} {seed} {written}: {found.verdict} {faults} {found.misfit:.2g} {digitizer}"


def measure(short: bool) -> list[Figure]:
    count = 6 if short else 132
    several = seeds("selftest", count)
    first = several[0] if short else 0  # another half of the kinds on each commit
    kinds = [KINDS[(k + first) % len(KINDS)] for k in range(count)]
    kinds[0] = "healthy"
    boards = [BOARDS[k % 2 if short else (k // len(KINDS)) % 3] for k in range(count)]
    found = in_parallel(outcome, kinds, boards, several)
    wrong = [text for kind, text in zip(kinds, found, strict=True) if kind != "healthy"]
    by_kind = Counter(kind for kind, text in zip(kinds, found, strict=True) if text not in ("right", "false alarm"))
    healthy = kinds.count("healthy")
    missed = ", ".join(f"{number} {kind}" for kind, number in by_kind.items()) or "none"
    share = 100 * sum(text == "right" for text in wrong) / len(wrong)
    return [
        at_least(f"wrong benches of {len(wrong)} that are named rightly (%)", share, 75 if short else 95, ".1f"),
        Figure("of the rest", missed, "as it is", True),
        at_most(f"healthy benches of {healthy} that are called wrong", found.count("false alarm"), 0, "d"),
    ]
