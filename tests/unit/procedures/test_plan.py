from __future__ import annotations

import pytest

from labrig.learning.schedule import Schedule
from labrig.procedures.plan import count


@pytest.mark.parametrize("epochs", [0, 1, 2, 5, 6, 7])
@pytest.mark.parametrize("every", [0, 1, 2, 3, 10])
def test_evaluations_are_counted_as_the_experiment_makes_them(epochs: int, every: int) -> None:
    made = 1 + sum(epoch == epochs or (every > 0 and epoch % every == 0) for epoch in range(1, epochs + 1))
    assert count(Schedule(epochs, 4, every), train=10, test=3, acquisitions=2).evaluation == 13 * made + 1
    assert count(Schedule(epochs, 4, every), 10, 3, 2, judged=True).evaluation == 13 * (made + 1) + 1
