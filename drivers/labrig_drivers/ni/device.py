"""Common parts of NI's analog input and output: options, connection, translation of DAQmx errors.

The `nidaqmx` package is imported only when an instrument is opened: the import takes half a second, and configurations
can be checked on a machine without it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator

from labrig.errors import ConnectionFailed, DeadlineExceeded, IdentityMismatch, LabrigError, LimitExceeded, SyncLost
from labrig.instruments.addresses import parse_host_port
from labrig.instruments.data import Identity, plain_model
from labrig.instruments.drivers import ClockSource, InstrumentOptions
from labrig_drivers.ni.clocks import (
    chassis_clock,
    clock_of,
    clock_of_chassis,
    is_chassis_clock,
    is_onboard,
    reference_rate_hz,
)
from labrig_drivers.ni.facts import Fact
from labrig_drivers.ni.models import CHASSIS, Model
from labrig_drivers.ni.slots import check_slot

if TYPE_CHECKING:
    from nidaqmx.system import System


def _device_name(text: str) -> str:
    """Return the name of a device. Raises ValueError, with a message for the user, for a terminal or a channel."""
    if text.startswith("/") or "/" in text:
        first, *others = text.strip("/").split("/")
        name = first + others[0] if others and re.fullmatch(r"mod\d+", others[0], re.IGNORECASE) else first
        raise ValueError(f"{text!r} is a terminal or a channel; write the name of the device, {name!r}")
    if re.fullmatch(r"[A-Za-z0-9_ -]+", text) is None:
        raise ValueError(f"{text!r} is not a device name; write it as NI MAX shows it, e.g. 'PXI1Slot4' or 'Dev1'")
    return text


def _server(text: str) -> str:
    """Return the address of a device server. Raises ValueError with a message for the user."""
    parse_host_port(text)
    return text


class NiOptions(InstrumentOptions):
    """Options of every NI device.

    Attributes
    ----------
    resource
        Name of the device in NI MAX (`PXI1Slot4`).
    grpc
        `host:port` of an NI gRPC device server. Without it the NI-DAQmx driver on this machine is used.
    reference_clock
        Terminal of the 10 MHz clock the device is locked to, or `onboard`. By default a PXI device is locked to the
        clock of its chassis.
    chassis
        Model of the CompactDAQ chassis that a module is in.
    """

    resource: Annotated[str, AfterValidator(_device_name)]
    grpc: Annotated[str, AfterValidator(_server)] | None = None
    reference_clock: str | None = None
    chassis: Literal[*CHASSIS] | None = None  # type: ignore[valid-type]

    @property
    def locked_to(self) -> str | None:
        """Terminal of the reference clock; None if the device runs on its own oscillator."""
        return None if is_onboard(self.reference_clock) else self.reference_clock or chassis_clock(self.model)

    @property
    def address(self) -> str:
        """The device, preceded by its gRPC server if there is one."""
        return self.place + self.resource

    @property
    def place(self) -> str:
        """The gRPC server of the device, followed by a slash; "" for this machine."""
        return f"{self.grpc}/" if self.grpc else ""

    @property
    def in_chassis(self) -> bool:
        """Whether the device uses the clock of a PXI chassis, which has a clock output."""
        return is_chassis_clock(self.locked_to)

    def check(self, model: Model) -> None:
        """Raise ValueError for an option that does not suit the model."""
        if not model.reference and self.reference_clock is not None and not is_onboard(self.reference_clock):
            raise ValueError(f"reference_clock: {self.model} cannot be locked to a reference clock; remove this key")
        if self.chassis is not None and not model.module:
            raise ValueError(f"chassis: {self.model} is not a module of a CompactDAQ chassis; remove this key")
        if model.module:
            check_slot(self.resource, self.chassis)

    def clock_source(self, model: Model) -> ClockSource | None:
        """The clock from which its sample clocks are derived; None if this cannot be known here."""
        if model.module:
            return clock_of_chassis(self.place, self.resource)
        return clock_of(self.place, self.resource, self.locked_to)


class NiDevice:
    """The connection to one device.

    Parameters
    ----------
    name
        Name of the instrument in the configuration, for error messages.
    options
        Options of the device.
    model
        The assumed facts about the model.
    facts
        Function that returns the facts about a device as reported by DAQmx and as assumed.
    """

    def __init__(self, name: str, options: NiOptions, model: Model, facts: Callable[[Any], list[Fact]]) -> None:
        self.name = name
        self._options = options
        self._model = model
        self._facts = facts
        self._chassis: str | None = None
        self._channel: Any = None
        self._grpc_options: Any = None
        self._system: System | None = None

    @property
    def is_open(self) -> bool:
        """Whether `open` has found the device."""
        return self._system is not None

    @property
    def resource(self) -> str:
        """Name of the device in NI MAX."""
        return self._options.resource

    def open(self) -> None:
        """Connect, check that the driver lists the device, and compare the reported facts with the assumed ones.

        Raises
        ------
        ConnectionFailed
            If there is no such device.
        IdentityMismatch
            If the facts about the device, or its chassis, differ. A different model is reported by the rig.
        """
        self._require_packages()
        self._silence_stop_warning()
        try:
            with self.during("open"):
                system = self._connect()
                names = list(system.devices.device_names)
        except LabrigError:
            self.close()
            raise
        if self.resource.casefold() not in {name.casefold() for name in names}:
            self.close()
            raise ConnectionFailed(
                f"there is no device {self.resource!r}",
                device=self.name,
                action="open",
                limit=f"present: {', '.join(names) or 'none'}",
                remedy="check the name in NI MAX and the entry's resource",
            )
        self._system = system
        try:
            with self.during("open"):
                self._compare(system.devices[self.resource])
        except LabrigError:
            self.close()
            raise

    def connect(self) -> None:
        """Connect as `open` does, without any query."""
        self._require_packages()
        self._silence_stop_warning()
        with self.during("connect"):
            self._system = self._connect()

    def reset(self, action: str) -> None:
        """Reset the device: all its tasks are aborted, even those of other processes, and its outputs go to 0 V."""
        device = self.device(action)
        with self.during(action):
            device.reset_device()

    def _compare(self, device: Any) -> None:
        if self._model.module:
            chassis = device.compact_daq_chassis_device
            self._chassis = chassis.name
            wanted, found = self._options.chassis, chassis.product_type
            if wanted is not None and plain_model(wanted) != plain_model(found):
                raise IdentityMismatch(
                    f"is in a {found}, but the configuration names a {wanted}",
                    device=self.name,
                    action="open",
                    remedy=f"correct instruments.{self.name}.chassis",
                )
        if plain_model(device.product_type) != plain_model(self._options.model or ""):
            return
        differing = [fact for fact in self._facts(device) if fact.differs]
        if differing:
            said = "; ".join(f"{f.key}: {f.written(f.found)}, not {f.written(f.assumed)}" for f in differing)
            line = ", ".join(f"{fact.key}: {fact.written(fact.found)}" for fact in differing)
            raise IdentityMismatch(
                f"what DAQmx reports about this {self._options.model} differs from what labrig assumes: {said}",
                device=self.name,
                action="open",
                remedy=f"if DAQmx is right, write 'card: {{{line}}}' in instruments.{self.name}, and report this",
            )

    def identify(self) -> Identity:
        """Product type and serial number of the device, version of NI-DAQmx."""
        device = self.device("identify")
        with self.during("identify"):
            version = ".".join(map(str, self._require_open("identify").driver_version))
            return Identity(device.product_type, f"{device.serial_num:08X}", f"NI-DAQmx {version}")

    def device(self, action: str) -> Any:
        """The `nidaqmx` object of the device."""
        system = self._require_open(action)
        with self.during(action):
            return system.devices[self.resource]

    def task(self, action: str) -> Any:
        """Return a new task, which the caller must close.

        It is typed `Any` because NI's annotations do not match what its classes accept.
        """
        import nidaqmx

        self._require_open(action)
        with self.during(action):
            return nidaqmx.Task(grpc_options=self._grpc_options)

    def terminal(self, name: str) -> str:
        """Return the full name of a terminal; a name without a device means this device, or the chassis of a module."""
        return name if name.startswith("/") else f"/{self._chassis or self.resource}/{name}"

    def lock(self, task: Any) -> None:
        """Lock the task's clocks to the reference clock, so that devices sharing it do not drift apart.

        A terminal without a device belongs to the task's device, as in NI's example ai_multi_task_pxie_ref_clk.py.
        """
        reference = self._options.locked_to
        if reference is not None:
            task.timing.ref_clk_src = reference
            task.timing.ref_clk_rate = reference_rate_hz(reference)

    def route(self, source: str, destination: str) -> None:
        """Connect two terminals until the device is reset."""
        system = self._require_open("open")
        with self.during("open"):
            system.connect_terms(self.terminal(source), self.terminal(destination))

    def close(self) -> None:
        """Disconnect."""
        self._system = self._grpc_options = self._chassis = None
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    @contextmanager
    def during(self, action: str) -> Iterator[None]:
        """Context in which NI's exceptions become LabrigErrors that name the device and `action`."""
        import nidaqmx.errors as ni

        try:
            yield
        except ni.DaqNotFoundError as error:
            raise ConnectionFailed(
                "the NI-DAQmx driver is not installed on this machine",
                device=self.name,
                action=action,
                remedy="install NI-DAQmx from ni.com, or name an NI gRPC device server (grpc: host:port)",
            ) from error
        except ni.RpcError as error:
            raise self._rpc_error(error, action) from error
        except ni.DaqError as error:
            raise self._daq_error(error, action) from error
        except ni.Error as error:
            raise ConnectionFailed(_one_line(error), device=self.name, action=action) from error

    def _require_open(self, action: str) -> System:
        if self._system is None:
            raise ConnectionFailed("is not open", device=self.name, action=action, remedy="call open() first")
        return self._system

    def _connect(self) -> System:
        import nidaqmx
        from nidaqmx.system import System

        if self._options.grpc is None:
            return System.local()
        from labrig_drivers.ni.grpc_channel import BoundedChannel

        self._channel = BoundedChannel(self._options.grpc)
        self._grpc_options = nidaqmx.GrpcSessionOptions(self._channel, "")
        return System.remote(self._grpc_options)

    def _require_packages(self) -> None:
        try:
            import_module("nidaqmx")
            if self._options.grpc is not None:
                import_module("grpc")
        except ImportError as error:
            raise ConnectionFailed(
                f"the Python package {error.name or 'nidaqmx'} is not installed",
                device=self.name,
                action="open",
                remedy='pip install "nidaqmx[grpc]"',
            ) from error

    @staticmethod
    def _silence_stop_warning() -> None:
        """Silence the warning for stopping an acquisition early, which `make_safe` does on purpose."""
        from nidaqmx import DaqWarning

        warnings.filterwarnings("ignore", r"\s*Warning 200010 ", DaqWarning)

    def _rpc_error(self, error: Any, action: str) -> LabrigError:
        import grpc

        from labrig_drivers.ni.grpc_channel import DEADLINE_S

        where = f"the NI gRPC device server at {self._options.grpc}"
        if error.rpc_code == grpc.StatusCode.DEADLINE_EXCEEDED:
            return DeadlineExceeded(
                f"{where} does not answer",
                device=self.name,
                action=action,
                limit=f"{DEADLINE_S:g} s more than the call itself takes",
                remedy="restart the server; the state of the outputs is unknown",
            )
        return ConnectionFailed(
            f"{where} is not running or refused the call: {_one_line(error)}",
            device=self.name,
            action=action,
            remedy="start the server, or correct the entry's grpc",
        )

    def _daq_error(self, error: Any, action: str) -> LabrigError:
        from nidaqmx.error_codes import DAQmxErrors as Code

        code = error.error_code
        kind, remedy = _MEANING.get(Code(code).name if code in set(Code) else "", (ConnectionFailed, None))
        terminal = re.search(r"(?:Source|Destination) Terminal: (\S+)", str(error))
        where = f" {terminal[1]}" if terminal else ""
        return kind(f"{_one_line(error)}{where} [DAQmx {code}]", device=self.name, action=action, remedy=remedy)


_MEANING: dict[str, tuple[type[LabrigError], str | None]] = {
    "SAMPLES_NOT_YET_AVAILABLE": (DeadlineExceeded, "check the start trigger and its cable, and the sample clock"),
    "WAIT_UNTIL_DONE_DOES_NOT_INDICATE_DONE": (DeadlineExceeded, None),
    "SAMPLES_NO_LONGER_AVAILABLE": (SyncLost, "read more often, or sample more slowly"),
    "INVALID_ATTRIBUTE_VALUE": (LimitExceeded, "correct the instrument's entry or the acquisition"),
    "SAMP_RATE_TOO_HIGH": (LimitExceeded, "lower acquisition.sample_rate or use fewer channels"),
    "INVALID_AO_DATA_WRITE": (LimitExceeded, "lower the drive"),
    "PAL_RESOURCE_RESERVED": (
        ConnectionFailed,
        "close the other program or task that uses this device; if it was killed, reset the device in NI MAX or with "
        "reset_device() of nidaqmx: a gRPC device server keeps the tasks of clients that have disconnected",
    ),
    "PHYSICAL_CHAN_DOES_NOT_EXIST": (ConnectionFailed, "name channels as they are printed on the device"),
    "INVALID_DEVICE_ID": (ConnectionFailed, "check that the device is plugged in and its name in NI MAX"),
    "DEV_CANNOT_BE_ACCESSED": (ConnectionFailed, "check that the device is plugged in and powered"),
    "INVALID_ROUTING_SOURCE_TERMINAL_NAME_ROUTING": (ConnectionFailed, "name a terminal that NI MAX lists"),
    "INVALID_ROUTING_DESTINATION_TERMINAL_NAME_ROUTING": (ConnectionFailed, "name a terminal that NI MAX lists"),
}


def was_aborted(error: Any) -> bool:
    """Whether a DaqError says that the task is no longer running, as after a reset of its device."""
    from nidaqmx.error_codes import DAQmxErrors as Code

    return error.error_code in (
        Code.CANNOT_WRITE_WHEN_AUTO_START_FALSE_AND_TASK_NOT_RUNNING,
        Code.RUNTIME_ABORTED_ROUTING,
    )


def _one_line(error: Exception) -> str:
    """The first paragraph of NI's message; the rest is advice about LabVIEW."""
    return " ".join(str(error).split("\n\n")[0].split())


def coerced_rate(rate_hz: float, timebase_hz: float) -> float:
    """The nearest rate that a divided timebase (Hz) can produce (Hz)."""
    return timebase_hz / max(1, round(timebase_hz / rate_hz))
