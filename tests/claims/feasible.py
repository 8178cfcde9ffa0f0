"""`labrig feasible` says yes for what comes with labrig, and no for what cannot be solved."""

from __future__ import annotations

from common import CONFIGS, Figure

from labrig.assembly import assemble
from labrig.procedures.feasible.search import search

QUICK = ("allostery", "divider", "iris", "xor", "elastic_allostery", "flow_chemical_iris")
IMPOSSIBLE = {
    "XOR without diodes": ("xor", "network.layered.hidden=[{nodes: 6}]"),
    "XOR in a narrow range": ("xor", "network.programmable={edges: all, range: [50 µS, 60 µS]}"),
    "targets next to the rails": ("allostery", "task.allostery.targets=[990 mV, 10 mV, 990 mV]"),
    "a divider whose load is too heavy": ("divider", "task.divider.target=980 mV", "task.target={rms: 10 mV}"),
    "XOR of 600 mV": ("xor", "task.xor.target=600 mV"),
}


def measure(short: bool) -> list[Figure]:
    names = [path.stem for path in sorted(CONFIGS.glob("*.yaml")) if not short or path.stem in QUICK]
    answers = {name: search(assemble(CONFIGS / f"{name}.yaml"), 3) for name in names}
    yes = sum(answer.feasible for answer in answers.values())
    kept = sum(answer.survives_rounding for answer in answers.values())
    starts = 3 if short else 20
    no = [
        search(assemble(CONFIGS / f"{name}.yaml", edits), starts)
        for name, *edits in list(IMPOSSIBLE.values())[: 2 if short else None]
    ]
    refused = sum(not answer.feasible for answer in no)
    return [
        Figure("configurations with a yes", f"{yes} of {len(names)}", "all", yes == len(names)),
        Figure("of these with a yes after rounding to levels", f"{kept} of {len(names)}", "all", kept == len(names)),
        Figure("impossible tasks with a no", f"{refused} of {len(no)}", "all", refused == len(no)),
    ]
