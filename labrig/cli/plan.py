"""plan: say what a run will do, how much it stores and how long it takes; nothing is written."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from labrig.cli.options import add_config, assembled

if TYPE_CHECKING:
    from labrig.assembly import Assembly
    from labrig.procedures.plan import Plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)


def execute(arguments: argparse.Namespace) -> int:
    from labrig.cli.interrupts import Interrupts
    from labrig.cli.opened import opened
    from labrig.procedures.plan import plan_run

    assembly = assembled(arguments)
    with Interrupts(immediate=True) as interrupts, opened(assembly.open_rig(), interrupts) as rig:
        plan = plan_run(assembly.probe(rig), assembly.update(rig), assembly.schedule)
    if arguments.json:
        print(json.dumps({"event": "plan", "config": str(assembly.document.path), **asdict(plan)}, ensure_ascii=False))
    else:
        print(_text(assembly, plan))
    return 0


def _text(assembly: Assembly, plan: Plan) -> str:
    from labrig.quantities import format_quantity

    def seconds(value: float) -> str:
        return format_quantity(value, "time") if value < 120 else f"{value / 60:.1f} min"

    hookup, counts = assembly.board.hookup, plan.counts
    low, high = assembly.network.programmable.range
    tones = ", ".join(f"{frequency:g} Hz" for frequency in plan.frequencies_hz)
    levels = f"{plan.levels} levels, the widest gap {1e6 * (plan.largest_level_gap or 0):.3g} µS"
    rate = format_quantity(plan.sample_rate_hz, "sample_rate")
    ports = f"{len(hookup.inputs)} inputs, {len(hookup.outputs)} outputs"
    samples = f"{plan.settle_samples} settle + {plan.window_samples} window samples at {rate}"
    rows = [
        ("board", f"{len(hookup.senses)} sensed nodes, {len(hookup.edges)} edges, {ports}"),
        ("activation", assembly.learning.activation),
        ("tones", f"{tones}; all repeat every {plan.period_samples} samples"),
        ("acquisition", f"{samples}: {seconds(plan.acquisition_s)}"),
        ("conductances", f"{1e6 * low:.4g} to {1e6 * high:.4g} µS, {'continuous' if plan.levels is None else levels}"),
        ("run", f"{counts.updates} updates; {counts.training} acquisitions to train, {counts.evaluation} to evaluate"),
        ("memory", f"{plan.window_bytes / 1e6:.3g} MB a window, {plan.journal_bytes / 1e6:.3g} MB of journal"),
        ("time", f"{seconds(plan.bench_s)} on the bench, {seconds(plan.wall_s)} here"),
    ]
    return "\n".join(f"{name:<13} {text}" for name, text in rows)
