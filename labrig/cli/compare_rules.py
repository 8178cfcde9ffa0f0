"""compare-rules: train the same simulated boards by several rules with the same budget, and compare them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from labrig.cli.options import add_config, count, folder_named, overrides
from labrig.json_text import json_text

if TYPE_CHECKING:
    from labrig.procedures.compare_rules.comparison import Interval, RuleComparison

PICTURE, FIGURES = "rules.png", "rules.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config(parser, "simulated")
    parser.add_argument(
        "--rules",
        required=True,
        metavar="A,B,…",
        help="names of rules with options, e.g. frequency_propagation,equilibrium_propagation/nudge=one_sided",
    )
    parser.add_argument(
        "--budget", type=count, metavar="N", help="acquisitions for training (default: as many as the schedule takes)"
    )
    parser.add_argument("--offset", default="", metavar="VOLTS", help="offset of each channel, 1 σ, e.g. '1 mV'")
    parser.add_argument("--noise", default="", metavar="VOLTS", help="noise of each channel, rms, e.g. '100 µV'")
    parser.add_argument("--bits", type=count, default=0, metavar="N", help="bits of the digitizer")
    parser.add_argument(
        "--seeds", type=count, default=3, metavar="N", help="number of boards, with seeds from --seed on (default: 3)"
    )
    parser.add_argument("--out", type=folder_named, metavar="DIR", help=f"write {PICTURE} and {FIGURES} there")


def execute(arguments: argparse.Namespace) -> int:
    """Print the comparison."""
    from labrig.errors import UsageError
    from labrig.procedures.compare_rules.comparison import compare_rules, condition

    rules = [rule.strip() for rule in arguments.rules.split(",") if rule.strip()]
    if len(set(rules)) != len(rules) or not rules:
        raise UsageError("--rules names a rule twice, or no rule", remedy="name different rules, separated by commas")
    if arguments.seeds < 1:
        raise UsageError("--seeds must be at least 1")
    first = arguments.seed or 0
    arguments.seed = None
    config = Path(arguments.config)
    changed = condition(config, overrides(arguments), arguments.offset, arguments.noise, arguments.bits)

    def progress(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    seeds = range(first, first + arguments.seeds)
    found = compare_rules(config, rules, seeds, changed, arguments.budget, progress)
    line = json_text({"event": "rules", **found.to_json()})
    written = _write(found, line, arguments.out) if arguments.out is not None else []
    print(line if arguments.json else "\n".join([_text(found), *written]))
    return 0


def _write(found: RuleComparison, line: str, folder: Path) -> list[str]:
    from labrig.procedures.compare_rules.page import page_png

    folder.mkdir(parents=True, exist_ok=True)
    (folder / FIGURES).write_text(line + "\n", encoding="utf-8")
    (folder / PICTURE).write_bytes(page_png(found))
    return [str(folder / FIGURES), str(folder / PICTURE)]


def _text(found: RuleComparison) -> str:
    from labrig.cli.tables import table

    names = dict.fromkeys(
        (
            "steps",
            "bench_s",
            "cosine_before",
            "cosine_after",
            "true_loss",
            f"true_{found.headline}",
            f"own_{found.headline}",
        )
    )
    rows = [
        [
            rule.rule + (" *" if rule.measurement else ""),
            str(rule.trials[0].per_example),
            *(_figure(rule.figures.get(name)) for name in names),
        ]
        for rule in found.rules
    ]
    lines = [
        f"{found.config}: {found.budget} acquisitions for training, seeds {found.seeds[0]} to {found.seeds[-1]}",
        *(f"  {each}" for each in found.overrides),
        "",
        table(("rule", "per example", *(_header(found, name) for name in names)), rows),
        "",
        "mean over the boards ± half its 95 % interval; true_…: true value of the board, own_…: as the rig reads it",
    ]
    for rule in found.rules:
        if rule.measurement:
            lines.append(f"* {rule.rule}: {rule.measurement}")
        if rule.overspent:
            lines.append(f"{rule.rule} exceeded its budget: {rule.overspent[0]}")
        lines += [f"{rule.rule} failed: {failure}" for failure in dict.fromkeys(rule.failures)]
    return "\n".join(lines)


def _header(found: RuleComparison, name: str) -> str:
    unit = found.units.get(name.removeprefix("true_").removeprefix("own_"), "")
    return f"{name} ({unit})" if unit else name


def _figure(value: Interval | None) -> str:
    if value is None or value.mean != value.mean:
        return "–"
    spread = "" if value.half != value.half else f" ± {value.half:.2g}"
    return f"{value.mean:.4g}{spread}"
