"""Tables of a report: a missing value stands where the numbers of its column do."""

from labrig.runs.report.blocks import table


def test_what_is_missing_among_numbers_is_aligned_with_them() -> None:
    page = table(("", "measured", "judged", "why"), [("loss", 0.5, 0.25, None), ("rms", None, 1, None)])
    assert page.count('<td class="number">–</td>') == 1
    assert page.count("<td>–</td>") == 2


def test_rows_may_have_different_lengths() -> None:
    assert table(("", "a", "b"), [("x", 1), ("y", 2, 3)]).count('class="number"') == 3
