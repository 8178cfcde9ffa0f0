"""Keysight (Agilent) Truevolt multimeters as digitizers of one channel, which can judge a trained board.

A command starts the readings of an acquisition. They are taken one after another, each as the mean over its aperture,
and fetched when all have been taken. A reading takes twice its aperture, because the zero is measured after each. The
input resistance is above 10 GΩ in ranges up to 10 V, so that it does not load a board, and 10 MΩ in the 100 V range.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from functools import cached_property
from typing import NoReturn

import numpy as np

from labrig.errors import ChannelFault, ConfigError, ConnectionFailed, DeadlineExceeded, IdentityMismatch
from labrig.instruments.data import AcquisitionPlan, Block, Identity
from labrig.instruments.drivers import DigitizerCapabilities
from labrig_drivers.keysight.multimeter_options import (
    ACCURACY,
    CHANNEL,
    INTEGRATIONS,
    TruevoltOptions,
    capabilities,
)
from labrig_drivers.scpi import INFINITE, as_number, number, queued_errors
from labrig_drivers.tolerances import standard_uncertainty
from labrig_drivers.visa import VisaSession

MOST_READINGS = 1_000
"""Reading memory of the smallest model, a 34460A; a 34461A has ten times as much."""

POLL_S = 0.02
"""Shortest time between two queries of the number of readings (s)."""

_MAKERS = ("agilent", "keysight")
_SETTINGS = ("VOLT:DC:RANG", "VOLT:DC:NPLC", "VOLT:DC:ZERO:AUTO", "TRIG:DEL", "TRIG:COUN", "SAMP:COUN")


class TruevoltMultimeter:
    """A Digitizer of one channel, "1"."""

    def __init__(self, name: str, options: TruevoltOptions) -> None:
        self._name = name
        self._options = options
        self._session = VisaSession(name, options.resource, options.deadline)
        self._identified = False
        self._plan: AcquisitionPlan | None = None
        self._armed = False
        self._ends: float | None = None  # when the readings should be there, on the monotonic clock

    @cached_property
    def _capabilities(self) -> DigitizerCapabilities:
        return capabilities(self._options)

    def open(self) -> None:
        """Connect and reset."""
        self._session.open()
        self.identify()
        self._identified = True
        self._plan, self._armed, self._ends = None, False, None
        self._session.write("*RST;*CLS", "open")

    def identify(self) -> Identity:
        """Query *IDN?; raises IdentityMismatch if it is not a Truevolt multimeter."""
        reply = self._session.query("*IDN?", "identify")
        maker, model, serial, firmware = ([word.strip() for word in reply.split(",")] + [""] * 4)[:4]
        if not maker.lower().startswith(_MAKERS) or not model.startswith(("3446", "3447")):
            raise IdentityMismatch(
                f"identifies as {reply!r}, which is not a Keysight Truevolt multimeter",
                device=self._name,
                action="identify",
                remedy="correct the resource, or close other programs using it",
            )
        return Identity(model, serial, firmware)

    def configure(self, plan: AcquisitionPlan) -> AcquisitionPlan:
        """Prepare acquisitions, and read the settings back.

        Returns
        -------
        AcquisitionPlan
            The plan with the range and the aperture, and with the uncertainties from the data sheet.

        Raises
        ------
        ConfigError
            If the multimeter cannot take these readings.
        ChannelFault
            If a setting reads back differently, or the multimeter reports an error.
        """
        self._armed, self._ends = False, None
        options, able = self._options, self._capabilities
        self._check(plan)
        delay_s = max(0.0, 1 / plan.sample_rate_hz - INTEGRATIONS * options.aperture_s)
        values = (options.full_scale, options.cycles, 1.0, round(delay_s, 9), 1.0, float(plan.total_samples))
        settings = (f":{key} {number(value)}" for key, value in zip(_SETTINGS, values, strict=True))
        words = ":ABOR", ":CONF:VOLT:DC", *settings, ":VOLT:DC:IMP:AUTO ON", ":TRIG:SOUR BUS"
        self._session.write(";".join(words), "configure")
        told = self._session.query(";".join(f":{key}?" for key in _SETTINGS), "configure").split(";")
        for key, value, actual in zip(_SETTINGS, values, (*told, *_SETTINGS)[: len(_SETTINGS)], strict=True):
            got = as_number(actual)
            if got is None or not math.isclose(got, value, rel_tol=1e-4, abs_tol=2e-6):
                self._fail(f"did not accept {key}: requested {number(value)}, got {actual}")
        if errors := queued_errors(self._session, "configure"):
            self._fail(f"reports {', '.join(errors)}")
        u_gain, u_zero = (standard_uncertainty(most) for most in _accuracy(able.full_scale_v))
        self._plan = replace(
            plan,
            ranges_v=(able.full_scale_v,),
            skew_s=(0.0,),
            u_offset_v=u_zero * able.full_scale_v,
            u_gain=u_gain,
            aperture_s=options.aperture_s,
        )
        return self._plan

    def arm(self) -> None:
        """Get ready for `start`; an acquisition in progress is stopped, and the reading memory cleared."""
        self._configured("arm")
        self._session.write(":ABOR;:INIT", "arm")
        self._stored("arm")  # makes sure that it waits
        self._armed, self._ends = True, None

    def start(self) -> None:
        """Begin to read, by a command."""
        plan = self._configured("start")
        if not self._armed:
            raise self._not_armed("start")
        if self._ends is None:
            self._session.write("*TRG", "start")
            self._ends = time.monotonic() + plan.duration_s

    def read(self, timeout_s: float) -> Block:
        """Wait for all readings of the acquisition, and fetch them.

        Raises
        ------
        DeadlineExceeded
            If the readings have not all been taken within `timeout_s` seconds.
        """
        plan = self._configured("read")
        if not self._armed:
            raise self._not_armed("read")
        ends = time.monotonic() + timeout_s
        while (stored := self._stored("read")) < plan.total_samples:
            left_s = ends - time.monotonic()
            if left_s <= 0:
                raise DeadlineExceeded(
                    f"took {stored:.0f} of {plan.total_samples} readings",
                    device=self._name,
                    action="read",
                    limit=f"{timeout_s:g} s",
                    remedy="check whether someone is operating the front panel",
                )
            due_s = left_s if self._ends is None else self._ends - time.monotonic()
            time.sleep(max(1e-3, min(left_s, max(due_s, POLL_S))))
        reply = self._session.query(":FETC?", "read")
        readings = [as_number(text) for text in reply.split(",")]
        if len(readings) != plan.total_samples or None in readings:
            self._session.abandon()
            raise ConnectionFailed(
                f"answered {reply[:60]!r} instead of {plan.total_samples} readings",
                device=self._name,
                action="read",
                remedy="close other programs using it",
            )
        self._armed = False
        volts = np.array(readings, dtype=float)[:, np.newaxis]
        beyond = np.abs(volts) >= INFINITE
        volts[beyond] = np.sign(volts[beyond]) * self._capabilities.full_scale_v
        return Block(volts, np.array([[0.0, 1.0, 0.0, 0.0]]), 0, np.array([beyond.any()]))

    def make_safe(self) -> None:
        """Stop the acquisition; an input drives nothing. Does nothing if the instrument has never answered."""
        self._armed, self._ends = False, None
        if self._identified and self._session.is_open:
            self._session.write(":ABOR", "make safe")
            self._stored("make safe")

    def close(self) -> None:
        """Disconnect; never raises."""
        self._plan, self._armed, self._ends = None, False, None
        self._session.close()

    def _check(self, plan: AcquisitionPlan) -> None:
        """Raise ConfigError for readings that the multimeter cannot take."""
        able = self._capabilities
        problem = limit = remedy = ""
        if plan.channels != (CHANNEL,):
            problem, remedy = f"has one channel, {CHANNEL!r}, not {', '.join(plan.channels)}", "use one per output"
        elif plan.sample_rate_hz > able.max_sample_rate_hz * (1 + 1e-9):
            problem, limit = (
                f"cannot take {plan.sample_rate_hz:g} readings a second",
                f"{able.max_sample_rate_hz:g} S/s",
            )
            remedy = "set a shorter aperture"
        elif plan.total_samples > MOST_READINGS:
            problem, limit = f"cannot keep {plan.total_samples} readings", f"{MOST_READINGS} readings"
            remedy = "shorten acquisition.window, or set a longer aperture"
        if problem:
            raise ConfigError(problem, device=self._name, action="configure", limit=limit or None, remedy=remedy)

    def _configured(self, action: str) -> AcquisitionPlan:
        if not self._session.is_open:
            raise ConnectionFailed("is not open", device=self._name, action=action, remedy="call open() first")
        if self._plan is None:
            raise ConfigError("is not configured", device=self._name, action=action, remedy="call configure() first")
        return self._plan

    def _stored(self, action: str) -> float:
        """Return the number of readings in memory."""
        told = as_number(self._session.query(":DATA:POIN?", action))
        return 0.0 if told is None else told

    def _not_armed(self, action: str) -> ConfigError:
        return ConfigError("is not armed", device=self._name, action=action, remedy="call arm() first")

    def _fail(self, problem: str) -> NoReturn:
        raise ChannelFault(
            problem,
            device=self._name,
            action="configure",
            remedy="check whether someone is operating the front panel; if not, please report this",
        )


def _accuracy(full_scale_v: float) -> tuple[float, float]:
    return next(errors for known, errors in ACCURACY.items() if math.isclose(known, full_scale_v))
