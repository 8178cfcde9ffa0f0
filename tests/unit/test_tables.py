"""Tables on a terminal."""

from __future__ import annotations

from labrig.cli.tables import figures, table


def test_the_last_column_is_wrapped_to_the_width() -> None:
    text = table(("run", "figures"), [("r1", "loss 0.1, accuracy 0.95, " * 8), ("r2", "short")], 60)
    assert max(map(len, text.splitlines())) <= 60
    assert " ".join(text.split()).count("accuracy 0.95,") == 8
    assert len(table(("run", "figures"), [("r1", "x" * 200)]).splitlines()) == 3


def test_a_figure_without_a_value_is_left_out() -> None:
    assert figures({"loss": 0.25, "relative_error": None}) == "loss 0.25"
