"""Certificates of the gradient at the trained conductances, as `labrig certify RUN` made them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from labrig.runs.certificates import read_certificates
from labrig.runs.report.blocks import Block, Missing, heading, paragraph, table
from labrig.runs.report.reported import Reported

TITLE = "Certificate"
_VERDICTS = {"right": "The gradient is right", "wrong": "The gradient is wrong", "unresolved": "Unresolved"}
_NAMES = {
    "bias": "bias (distance from the reference, noise removed)",
    "bound": "largest bias that counts as right",
    "slope_all": "factor common to all edges",
    "noise": "noise, as a share of the gradient",
    "instruments": "uncertainty stated by the instruments",
    "chi_squared": "χ² of single edges",
    "confirmed_edges": "edges that were seen to change the loss as predicted",
    "confirmed_share": "their share of the gradient",
    "repeats": "repeats of each example",
    "gamma_exponent": "exponent of the error current",
}
_INTERVALS = {"bias": "bias_interval", "slope_all": "slope_interval", "gamma_exponent": "gamma_exponent_interval"}


def blocks(run: Reported) -> Iterator[Block]:
    """Yield the last certificate, and one line for each of the others."""
    found = read_certificates(run.folder)
    if not found:
        raise Missing(f"the gradient was not certified after training: labrig certify {run.folder.path}")
    *earlier, last = found
    yield paragraph(f"{_VERDICTS.get(last['verdict'], last['verdict'])}: {last.get('reason', '')}", "state")
    for hint in last.get("hints", ()):
        yield paragraph(str(hint))
    seed = "" if last.get("seed") is None else f", with seed {last['seed']}"
    yield paragraph(f"Made {last.get('made', '')} against {_reference(last)}{seed}.")
    if last.get("settings"):
        yield paragraph(f"Not the run's own configuration: {', '.join(map(str, last['settings']))}", "warning")
    yield table(("", "", "95 % interval"), list(_rows(last)))
    for edge in last.get("wrong_edges", ()):
        yield paragraph(f"Wrong edge {edge['name']}: {edge['text']}", "warning")
    if earlier:
        yield heading("Earlier certificates")
        yield table(
            ("made", "verdict", "why", "seed", "not the run's own configuration"),
            [
                (
                    each.get("made"), each["verdict"], each.get("reason"), each.get("seed"),
                    ", ".join(map(str, each.get("settings") or ())),
                )
                for each in earlier
            ],
        )  # fmt: skip


def _rows(last: dict[str, Any]) -> Iterator[tuple[str, Any, str]]:
    for key, name in _NAMES.items():
        if last.get(key) is not None:
            between = last.get(_INTERVALS.get(key, ""))
            yield name, last[key], "" if not between else f"{between[0]:.4g} to {between[1]:.4g}"


def _reference(last: dict[str, Any]) -> str:
    return "the exact gradient" if last.get("reference") == "adjoint" else "differences of the measured loss"
