"""`check` knows which tones a one-board bench can play."""

from __future__ import annotations

import pytest

from labrig.assembly import assemble, packaged_configs
from labrig.config.problems import ConfigProblems

BOARD = packaged_configs() / "board.yaml"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["acquisition.window=100 ms"], "acquisition.band: no tone .* repeat after 256 samples, as the sources need"),
        (["acquisition.window=100 ms", "acquisition.tones=[300 Hz]"], "acquisition.tones: .* cannot play 300 Hz"),
    ],
)
def test_a_window_in_which_its_tones_do_not_repeat_is_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigProblems, match=message):
        assemble(BOARD, overrides)


@pytest.mark.parametrize("window", ["25.6 ms", "102.4 ms", "512 ms"])
def test_a_window_of_whole_periods_is_taken(window: str) -> None:
    assert assemble(BOARD, [f"acquisition.window={window}"])
