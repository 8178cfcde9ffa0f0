"""The face of a digitizer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labrig.errors import ConfigError, ConnectionFailed, DeadlineExceeded
from labrig.instruments.data import AcquisitionPlan, Block
from labrig.instruments.drivers import DigitizerCapabilities
from labrig.simulation.faces.context import SimulatedContext
from labrig.simulation.faces.face import Face
from labrig.simulation.front_end import FrontEnd


class SimulatedDigitizer(Face):
    """A digitizer that samples the world through its front end."""

    def __init__(self, name: str, context: SimulatedContext, capabilities: DigitizerCapabilities) -> None:
        super().__init__(name, context)
        self._capabilities = capabilities
        self._plan: AcquisitionPlan | None = None
        self._armed = False
        self._scale = np.zeros((0, 4))
        self._front_end = FrontEnd(
            name,
            capabilities.channels,
            capabilities.bits,
            capabilities.full_scale_v,
            context.imperfections,
            context.imperfections.convert,
            capabilities.aperture_s,
        )

    def configure(self, plan: AcquisitionPlan) -> AcquisitionPlan:
        """Set up the next acquisitions; return the plan with the ranges, skew and uncertainties that they will have."""
        self._require_open("configure")
        unknown = sorted(set(plan.channels) - set(self._capabilities.channels))
        if unknown:
            raise ConfigError(
                f"has no channel {unknown[0]!r}; name one of its channels", device=self.name, action="configure"
            )
        if plan.sample_rate_hz > self._capabilities.max_sample_rate_hz:
            raise ConfigError(
                f"cannot sample at {plan.sample_rate_hz:g} S/s",
                device=self.name,
                limit=f"{self._capabilities.max_sample_rate_hz:g} S/s",
                remedy="lower acquisition.sample_rate",
            )
        self._plan = replace(
            plan,
            ranges_v=(self._capabilities.full_scale_v,) * len(plan.channels),
            skew_s=self._capabilities.skew_s(len(plan.channels), plan.sample_rate_hz),
            u_offset_v=self._context.imperfections.u_offset_v,
            u_gain=self._context.imperfections.u_gain,
            aperture_s=self._capabilities.aperture_s,
        )
        self._scale = np.tile([0.0, self._front_end.step_v, 0.0, 0.0], (len(plan.channels), 1))
        return self._plan

    def arm(self) -> None:
        """Arm the digitizer for the start trigger."""
        self._require_open("arm")
        self._armed = True
        self._context.armed = True
        self._context.triggered_at = None

    def start(self) -> None:
        """Do nothing: on this bench the start of a source is the trigger, at the same time on the simulated clock."""
        self._require_open("start")

    def read(self, timeout_s: float) -> Block:
        """Return the next block; raises DeadlineExceeded if there is none within `timeout_s` seconds."""
        self._require_open("read")
        context, plan = self._context, self._plan
        if plan is None or not self._armed:
            raise ConnectionFailed("is not armed", device=self.name, action="read", remedy="call configure() and arm()")
        if context.triggered_at is None:
            context.clock.sleep(timeout_s)
            raise DeadlineExceeded(
                "saw no start trigger",
                device=self.name,
                action="read",
                limit=f"{timeout_s:g} s",
                remedy="start a source",
            )
        remaining = context.triggered_at + plan.duration_s - context.clock.now()
        if remaining > timeout_s:
            context.clock.sleep(timeout_s)
            raise DeadlineExceeded(
                f"needs another {remaining:g} s for this acquisition; raise limits.step, or use a shorter window",
                device=self.name,
                action="read",
                limit=f"{timeout_s:g} s",
            )
        self._armed = False
        context.world.faults.poll(context.triggered_at + plan.duration_s)  # faults that begin while it samples
        volts = self._front_end.sample(
            context.world,
            plan.channels,
            context.triggered_at,
            plan.sample_rate_hz,
            (0, plan.total_samples),
            context.world.acquisitions,
            plan.skew_s,
        )
        context.clock.sleep(remaining)
        codes, overrange = self._front_end.codes(volts)
        return Block(codes, self._scale, 0, overrange)

    def make_safe(self) -> None:
        """Disarm; a digitizer drives nothing."""
        self._armed = False
