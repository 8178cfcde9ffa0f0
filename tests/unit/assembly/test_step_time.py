"""The duration of a training step that a configuration implies."""

from __future__ import annotations

from pathlib import Path

from labrig.assembly import assemble
from labrig.config.problems import ConfigProblems

CONFIG = Path(__file__).parents[3] / "configs/studies/iris_rigol.yaml"


def messages(*overrides: str) -> list[str]:
    try:
        assemble(CONFIG, list(overrides))
    except ConfigProblems as found:
        return [problem.message for problem in found.problems]
    return []


def test_a_source_that_takes_long_to_load_counts_for_every_acquisition():
    # An acquisition takes 21 ms; a generator that is set every 0.1 s needs 0.4 s more.
    (message,) = messages("limits.step=500 ms")
    assert message.startswith("a training step of 2 acquisitions and a write takes 8")
    assert messages("limits.step=1 s") == []
    assert messages("limits.step=500 ms", "instruments.err1.pause=20 ms", "instruments.err2.pause=20 ms") == []
