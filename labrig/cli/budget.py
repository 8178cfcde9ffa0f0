"""The noise budget of `labrig plan --budget`: a row for every edge, with the values that a run measured."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from labrig.json_text import json_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from labrig.assembly import Assembly
    from labrig.procedures.budget import Budget

MOST_EDGES = 60
"""Largest number of edges in the text output; if there are more, those with the largest errors are listed."""
NOTHING = 1e-8
"""Relative error below which 0 % is written."""


def print_budget(assembly: Assembly, arguments: argparse.Namespace) -> int:
    """Print the budget of a configuration, with the values that `--run` measured; returns the exit code."""
    from labrig.procedures.budget import budget, measured_snr
    from labrig.runs.folder import find_run

    found = budget(assembly)
    measured = None
    if arguments.run is not None:
        measured = measured_snr(assembly, find_run(arguments.run, arguments.runs_dir))
    if arguments.json:
        print(json_text(_line(assembly, found, measured)))
    else:
        print(_text(found, measured))
    return 0


def _line(assembly: Assembly, found: Budget, measured: NDArray[np.float64] | None) -> dict[str, Any]:
    from labrig.procedures.budget import TERMS

    limit, size = found.limit
    edges = [
        {
            "edge": name,
            "a_v": found.a_v[k],
            "b_v": found.b_v[k],
            "snr_a": found.snr_a[k],
            "snr_b": found.snr_b[k],
            "snr_gradient": found.snr_gradient[k],
            **({} if measured is None else {"measured_snr_gradient": measured[k]}),
            "settling": found.settling[k],
            "omega_tau": found.omega_tau[k],
            "multiplexer": found.ghost[k],
            "gap_s": found.gap_s[k],
            "change_s": found.change_s[k],
            "rail_v": found.rail_v[k],
            "terms": dict(zip(TERMS, found.terms[:, k].tolist(), strict=True)),
            "limiting": found.limiting[k],
        }
        for k, name in enumerate(found.edges)
    ]
    head = {"event": "budget", "config": str(assembly.document.path), "limiting": limit, "median": size}
    return {**head, "edges": edges}


def _text(found: Budget, measured: NDArray[np.float64] | None) -> str:
    from labrig.cli.tables import table
    from labrig.procedures.budget import TERMS

    limiting, (limit, size) = found.limiting, found.limit
    order = sorted(range(len(found.edges)), key=lambda k: -found.terms[:, k].max())[:MOST_EDGES]
    rows = [
        (
            found.edges[k],
            _ratio(found.snr_a[k]),
            _ratio(found.snr_b[k]),
            *(() if measured is None else (_ratio(found.snr_gradient[k]), _ratio(measured[k]))),
            f"{found.omega_tau[k]:.2g}",
            _percent(found.ghost[k]),
            f"{found.rail_v[k]:+.2f}",
            "continuous" if not found.gap_s[k] else f"{1e6 * found.gap_s[k]:.2g}",
            f"{1e6 * found.change_s[k]:.2g}",
            f"{limiting[k]}, {100 * found.terms[:, k].max():.2g} %",
        )
        for k in sorted(order)
    ]
    head = ["edge", "SNR a", "SNR b"]
    if measured is not None:
        head += ["of gradient", "measured"]
    head += ["ωτ", "multiplexer", "margin (V)", "gap (µS)", "change (µS)", "limited by"]
    lines = [table(head, rows), ""]
    if len(order) < len(found.edges):
        lines.append(f"the worst {len(order)} of {len(found.edges)} edges; --json lists all")
    lines += [
        "SNR: a and b over the noise of one acquisition; multiplexer: residue of the channels scanned before, over b;",
        "margin: from the nodes to the nearest limit; gap: between levels; change: expected in one epoch",
        "",
    ]
    medians = [(name, _percent(float(value))) for name, value in zip(TERMS, _medians(found), strict=True)]
    lines.append("relative error of the change of an edge in one epoch, median over the edges:")
    lines += [f"  {name:<12} {value}" for name, value in medians]
    lines.append(f"limited by {limit}: {100 * size:.2g} %")
    return "\n".join(lines)


def _medians(found: Budget) -> list[float]:
    import numpy as np

    return np.median(found.terms, axis=1).tolist()


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share > NOTHING else "0 %"


def _ratio(value: float) -> str:
    return "∞" if value > 1e12 else f"{value:.3g}"
