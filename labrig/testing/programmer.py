"""Checks of a ConductanceProgrammer. They write only settings within the configured range, and do not restore them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from labrig.errors import LimitExceeded
from labrig.instruments.data import Continuous, Level, LevelTable, ProgramReport, Setting, Target, holds
from labrig.testing.calls import refused
from labrig.testing.instrument import CHECKS as EVERY_INSTRUMENT
from labrig.testing.instrument import Check
from labrig.testing.levels import patterns
from labrig.testing.station import Subject


def levels_increase(subject: Subject) -> None:
    """Every wired channel has levels, with unique codes and positive, strictly increasing conductances."""
    with subject.opened() as programmer:
        levels = programmer.levels()
    for channel in subject.channels:
        where = f"{subject.name}: channel {channel}"
        assert channel in levels, f"{where} has no levels"
        able = levels[channel]
        if isinstance(able, Continuous):
            assert 0 < able.minimum < able.maximum, (
                f"{where} has an invalid range, {able.minimum:g} S to {able.maximum:g} S"
            )
            continue
        assert isinstance(able, LevelTable), f"{where}: levels are a {type(able).__name__}"
        assert len(able.codes) == len(able.siemens) >= 2, (
            f"{where} has fewer than two levels, or no conductance for each code"
        )
        assert (able.siemens > 0).all(), f"{where} has conductances that are not positive"
        assert (np.diff(able.siemens) > 0).all(), f"{where}: its conductances do not increase"
        assert len(np.unique(able.codes)) == len(able.codes), f"{where} has a duplicate code"


def holds_what_was_written(subject: Subject) -> None:
    """Settings are read back as programmed, even after make_safe, and the report lists every channel."""
    with subject.opened() as programmer:
        first, second = patterns(subject, programmer.levels())
        programmer.program(first)
        report = programmer.program(second)
        _reported(subject, report, second)
        _held(subject, programmer, second, "after program")
        programmer.make_safe()
        programmer.program(first)
        _held(subject, programmer, first, "programmed after make_safe")


def writes_only_what_changes(subject: Subject) -> None:
    """Repeating the same settings writes nothing; changing one writes one channel."""
    with subject.opened() as programmer:
        first, second = patterns(subject, programmer.levels())
        programmer.program(first)
        report = programmer.program(first)
        assert report.written == (), f"{subject.name}: nothing changed, but {len(report.written)} channels were written"
        channel = subject.channels[-1]
        report = programmer.program({**first, channel: second[channel]})
        assert report.written == (channel,), f"{subject.name}: channel {channel} changed, but wrote {report.written}"


def refuses_all_where_one_is_wrong(subject: Subject) -> None:
    """A setting or channel that does not exist is rejected, and the other settings of the call are not applied."""
    with subject.opened() as programmer:
        levels = programmer.levels()
        first, second = patterns(subject, levels)
        programmer.program(first)
        good, bad = subject.channels[0], subject.channels[-1]
        beyond: dict[str, dict[str, Setting]] = {
            what: {good: second[good], **wrong}
            for what, wrong in {
                "a setting beyond the part's range": {bad: _beyond(levels[bad])},
                "a setting of the wrong kind": {bad: _other_kind(levels[bad])},
                "a channel that does not exist": {"no such channel": second[good]},
            }.items()
        }
        for what, settings in beyond.items():
            refused(f"{subject.name}: {what}", lambda s=settings: programmer.program(s), LimitExceeded)
            _held(subject, programmer, first, f"after {what} was refused")
        refused(
            f"{subject.name}: read_back of a channel that does not exist",
            lambda: programmer.read_back(["no such channel"]),
        )


def _reported(subject: Subject, report: ProgramReport, settings: Mapping[str, Setting]) -> None:
    name, asked = subject.name, set(settings)
    assert not report.faulty, f"{name}: channels {', '.join(report.faulty)} do not hold what was written"
    assert set(report.written) == asked, f"{name}: {len(asked)} channels changed, the report lists {report.written}"
    assert not report.interrupted, f"{name}: reports that it lost its settings and restored them"
    if not subject.device.programmer.reads_back:
        claimed = (*report.verified, *report.read_back)
        assert not claimed, f"{name}: cannot read settings back, but reports read-back of {', '.join(claimed)}"
        return
    assert set(report.verified) == asked, (
        f"{name}: channels not verified: {', '.join(sorted(asked - set(report.verified)))}"
    )
    differ = [channel for channel, setting in settings.items() if not holds(report.read_back.get(channel), setting)]
    assert not differ, f"{name}: the report's read_back differs from the settings written in {', '.join(differ)}"


def _held(subject: Subject, programmer: Any, settings: Mapping[str, Setting], when: str) -> None:
    held = programmer.read_back(subject.channels)
    for channel, setting in settings.items():
        if isinstance(setting, Target):  # a second reading has its own noise
            tolerance = max(setting.tolerance, getattr(held.get(channel), "tolerance", 0.0))
            setting = replace(setting, tolerance=1.25 * tolerance)
        assert holds(held.get(channel), setting), (
            f"{subject.name}: channel {channel} is at {held.get(channel)} {when}, not {setting}"
        )


def _beyond(able: LevelTable | Continuous) -> Setting:
    return Target(2 * able.maximum) if isinstance(able, Continuous) else Level(int(able.codes.max()) + 1)


def _other_kind(able: LevelTable | Continuous) -> Setting:
    return Level(1) if isinstance(able, Continuous) else Target(float(able.siemens[1]))


CHECKS: tuple[Check, ...] = (
    *EVERY_INSTRUMENT,
    levels_increase,
    holds_what_was_written,
    writes_only_what_changes,
    refuses_all_where_one_is_wrong,
)
