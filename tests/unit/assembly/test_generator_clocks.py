"""Generators with clocks of their own: what check proposes is accepted, and nothing is proposed that cannot be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labrig.assembly import assemble
from labrig.config.problems import ConfigProblems

PCIE = ("instruments.daq={driver: ni.ai, model: PCIe-6363, resource: Dev1, terminal: rse, full_scale: 2 V}",)
USB = ("instruments.daq={driver: ni.ai, model: USB-6211, resource: Dev1, terminal: rse, full_scale: 5 V}",)


def problems(*overrides: str) -> list[str]:
    """What is wrong with the timing of iris_wire."""
    with pytest.raises(ConfigProblems) as caught:
        assemble(Path("iris_wire.yaml"), overrides)
    return [each.message for each in caught.value.problems if each.path.startswith("timing")]


def test_a_card_without_clock_output_is_named_before_anything_is_connected() -> None:
    found = problems(*USB, "timing={}")
    assert len(found) == 2
    assert all(
        re.match(r"err\d runs on its own clock, and cannot follow that of daq, which has no clock output", each)
        for each in found
    )
    assert "use its own outputs as sources, or a digitizer that can share its clock" in found[0]
    assert not any("write 'clock:" in each for each in found)


@pytest.mark.parametrize("daq", [(), PCIE])
def test_the_proposed_clock_and_trigger_are_accepted(daq: tuple[str, ...]) -> None:
    proposed = {
        key: value
        for each in problems(*daq, "timing={}")
        for key, value in re.findall(r"'(clock|trigger): (.*)'", each)
    }
    assert set(proposed) == {"clock", "trigger"}
    assert ("line:" in proposed["clock"]) == bool(daq)
    settings = [*daq, *(f"timing.{key}={value}" for key, value in proposed.items())]
    try:
        assemble(Path("iris_wire.yaml"), settings)
    except ConfigProblems as error:  # the card of the levels is in another chassis
        assert not [each for each in error.problems if each.path.startswith("timing")]  # noqa: PT017


def test_only_sources_are_proposed_as_followers() -> None:
    found = problems("timing.clock.master=err1", "timing.clock.followers=[daq, pots, err2]")
    assert any("followers: [err2, err1]}'" in each for each in found)
