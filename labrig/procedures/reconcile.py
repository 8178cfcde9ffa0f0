"""Checks that a resumed run finds the same instruments, configuration, data and board settings that it left."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from labrig.errors import ChannelFault, ConfigError, IdentityMismatch
from labrig.experiment import Experiment
from labrig.instruments.data import holds
from labrig.json_text import json_text
from labrig.runs.journal import Intent

SHOWN = 5
"""Largest number of edges that a message names."""

MAY_CHANGE = ("epochs",)
"""Keys of the comparability card that may differ: a finished run can be trained further."""


def require_same_rig(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Compare the metadata of a run (meta.json) with the metadata that it would have now.

    Raises
    ------
    IdentityMismatch
        If an instrument differs from the one with which the run began.
    ConfigError
        If anything that the run depends on has changed, such as its data file.
    """
    for name, who in now["identities"].items():
        was = before.get("identities", {}).get(name, who)
        if list(was[:2]) != list(who[:2]):
            raise IdentityMismatch(
                f"is {' '.join(who[:2])}, but the run began with {' '.join(was[:2])}",
                device=name,
                action="resume",
                remedy="connect the instrument that the run began with, or begin a new run",
            )
    today = json.loads(json_text(now["card"]))
    changed = _changed(before["card"], today)
    data = today["task"].get("data")
    if changed == ["task.data.sha256"] and isinstance(data, dict):
        raise ConfigError(
            f"{data['file']} is not the data file that the run began with: its SHA-256 differs",
            remedy="restore the file, or begin a new run",
        )
    if changed:
        raise ConfigError(
            f"the run cannot be resumed: {', '.join(changed)} changed since it began",
            remedy="restore what the run began with, or begin a new run",
        )


def _changed(before: Any, now: Any, path: str = "") -> list[str]:
    """Names of the values that differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys = [key for key in dict.fromkeys([*before, *now]) if path or key not in MAY_CHANGE]
        return [name for key in keys for name in _changed(before.get(key), now.get(key), f"{path}.{key}".lstrip("."))]
    return [] if before == now else [path]


def reconciled(experiment: Experiment, intent: Intent | None, policy: Literal["write", "refuse"]) -> dict[str, Any]:
    """Read every edge back and compare it with the journal, before anything is written.

    Parameters
    ----------
    experiment
        The resumed experiment, on an open rig.
    intent
        The settings that the last step was about to write when it was cut off.
    policy
        "write": differing edges are reported, and will be written again. "refuse": they end the resumption.

    Returns
    -------
    dict
        `differing`, the names of edges that hold another value than the journal says, and `ahead`, the number
        of these that hold the value that the interrupted step was about to write.

    Raises
    ------
    ChannelFault
        If anything differs and the policy is to refuse.
    """
    rig, wanted = experiment.rig, experiment.settings()
    held = rig.read_back()
    differing = [edge for edge, setting in wanted.items() if not holds(held.get(edge), setting)]
    expected = {} if intent is None else dict(zip(intent.edges, intent.siemens.tolist(), strict=True))
    cut_off = intent is not None and intent.step == experiment.update.steps + 1
    ahead = [edge for edge in differing if cut_off and rig.nominal(edge, held[edge]) == expected.get(edge)]
    if differing:
        wanted_s = experiment.update.conductances
        held_s = {edge: rig.nominal(edge, held[edge]) for edge in differing}
        text = partial(rig.limits.medium.text, "parameter")
        shown = [
            f"{rig.edges[edge]} holds {text(held_s[edge])} instead of {text(wanted_s[edge])}"
            for edge in differing[:SHOWN]
        ]
        more = f" and {len(differing) - SHOWN} more" if len(differing) > SHOWN else ""
        cut_off = f"{len(ahead)} of these hold the settings of step {experiment.update.steps + 1}, which was cut off"
        of_these = f"; {cut_off}" if ahead else ""
        message = (
            f"{len(differing)} of {len(wanted)} edges do not hold the settings in the journal: "
            f"{', '.join(shown)}{more}{of_these}"
        )
        if policy == "refuse":
            raise ChannelFault(
                message,
                action="resume",
                last_good=f"step {experiment.update.steps}",
                remedy="find out what changed them, or have them written again with storage.resume=write",
            )
        logging.getLogger("labrig").warning("labrig: warning: %s; they are written again", message)
    return {"differing": [rig.edges[edge] for edge in differing], "ahead": len(ahead)}
