"""Lines of `check` and `plan` about the cases in which a rig may not be made safe."""

from __future__ import annotations

from collections.abc import Sequence

from labrig.procedures.promises import NotPromised


def promise_lines(limits: Sequence[NotPromised]) -> list[str]:
    """Return the lines to print; no lines if there are no such cases."""
    if not limits:
        return []
    width = max(len(each.instrument) for each in limits)
    rows = [f"  {each.instrument:<{width}}  {each.text}" if each.instrument else f"  {each.text}" for each in limits]
    return ["On every exit outputs are off within 1 s, with these exceptions:", *rows]
