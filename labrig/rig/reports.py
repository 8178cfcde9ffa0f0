"""Merging of the reports of several programmers."""

from __future__ import annotations

from collections.abc import Sequence

from labrig.instruments.data import ProgramReport


def merged(reports: Sequence[tuple[str, ProgramReport]]) -> ProgramReport:
    """Merge reports, each with the name of its programmer; the channels are then named device/channel."""

    def named(device: str, channels: Sequence[str]) -> list[str]:
        return [f"{device}/{channel}" for channel in channels]

    return ProgramReport(
        written=tuple(name for device, report in reports for name in named(device, report.written)),
        verified=tuple(name for device, report in reports for name in named(device, report.verified)),
        faulty=tuple(name for device, report in reports for name in named(device, report.faulty)),
        interrupted=any(report.interrupted for _, report in reports),
        read_back={
            f"{device}/{channel}": held for device, report in reports for channel, held in report.read_back.items()
        },
        pulses={f"{device}/{channel}": count for device, report in reports for channel, count in report.pulses.items()},
    )
