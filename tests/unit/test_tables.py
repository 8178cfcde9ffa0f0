"""Tables on a terminal."""

from __future__ import annotations

from labrig.cli.tables import figures, outcome_text, table


def test_the_last_column_is_wrapped_to_the_width() -> None:
    text = table(("run", "figures"), [("r1", "loss 0.1, accuracy 0.95, " * 8), ("r2", "short")], 60)
    assert max(map(len, text.splitlines())) <= 60
    assert " ".join(text.split()).count("accuracy 0.95,") == 8
    assert len(table(("run", "figures"), [("r1", "x" * 200)]).splitlines()) == 3


def test_a_figure_without_a_value_is_left_out() -> None:
    assert figures({"loss": 0.25, "relative_error": None}) == "loss 0.25"


def test_a_resumed_run_says_which_time_is_of_this_session() -> None:
    line = {
        "event": "finished", "run": "runs/a", "metrics": {}, "evaluated_at_step": None, "steps": 1,
        "acquisitions": 8, "evaluation_acquisitions": 4, "wall_s": 5.7, "bench_s": 36.7,
    }  # fmt: skip
    assert "finished after 1 step: runs/a\n" in outcome_text(line)
    assert "; 5.7 s wall time, 36.7 s on the bench\n" in outcome_text(line)
    assert "; 5.7 s in this session; 36.7 s on the bench in all\n" in outcome_text({**line, "resumed": True})
