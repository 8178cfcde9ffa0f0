"""What led to a failure is told apart from what could not be made safe after it."""

from __future__ import annotations

import pytest

from labrig.errors import ConnectionFailed, NotMadeSafe, Overrange, separated

LOST, AGAIN, CLIPPED = ConnectionFailed("lost"), ConnectionFailed("still lost"), Overrange("clipped")


@pytest.mark.parametrize(
    ("error", "wrong", "not_safe"),
    [
        (CLIPPED, [CLIPPED], []),
        (ExceptionGroup("two at once", [LOST, CLIPPED]), [LOST, CLIPPED], []),
        (NotMadeSafe("unsafe", [AGAIN]), [], [AGAIN]),
        (NotMadeSafe("unsafe", [AGAIN]).after(LOST), [LOST], [AGAIN]),
        (NotMadeSafe("unsafe", [AGAIN]).after(ExceptionGroup("two", [LOST, CLIPPED])), [LOST, CLIPPED], [AGAIN]),
    ],
    ids=["one", "several", "unsafe", "unsafe after one", "unsafe after several"],
)
def test_what_went_wrong_and_what_is_not_safe(error, wrong, not_safe):
    assert separated(error) == (wrong, not_safe)
