"""Every error that labrig raises on purpose.

An error names the device, the action, the limit or deadline, the last good state and the remedy, where they apply.
`exit_code` is the exit code of the command line.
"""

from __future__ import annotations

from collections.abc import Sequence


class LabrigError(Exception):
    """Base class of labrig's errors. All parameters are text, formatted with units.

    Parameters
    ----------
    message : str
        What is wrong.
    device : str, optional
        Name of the instrument in the configuration.
    action : str, optional
        What labrig was doing, e.g. 'measure'.
    limit : str, optional
        The limit or deadline that was exceeded.
    last_good : str, optional
        The last good state, e.g. 'step 12'.
    remedy : str, optional
        What the user can do about it.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        device: str | None = None,
        action: str | None = None,
        limit: str | None = None,
        last_good: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.device = device
        self.action = action
        self.limit = limit
        self.last_good = last_good
        self.remedy = remedy

    def __str__(self) -> str:
        text = self.message if self.device is None else f"{self.device}: {self.message}"
        details = [
            f"{label}: {value}"
            for label, value in (
                ("while", self.action),
                ("limit", self.limit),
                ("last good", self.last_good),
                ("remedy", self.remedy),
            )
            if value is not None
        ]
        return text if not details else f"{text} ({'; '.join(details)})"


class ConfigError(LabrigError):
    """A configuration, argument or record is invalid; no instrument was touched."""

    exit_code = 3


class UsageError(LabrigError):
    """The command line, or an argument of a call, is wrong."""

    exit_code = 2


class ConnectionFailed(LabrigError):
    """An instrument is absent, refuses the connection, or was disconnected."""

    exit_code = 4


class InUse(ConnectionFailed):
    """Another labrig process is using the instrument."""


class IdentityMismatch(LabrigError):
    """The instrument that answered is not the one in the configuration."""

    exit_code = 4


class DeadlineExceeded(LabrigError):
    """An instrument did not answer in time."""

    exit_code = 4


class LimitExceeded(LabrigError):
    """A limit of the rig or of an instrument was exceeded, or would have been; the rig was made safe.

    Parameters
    ----------
    message : str
        What is wrong.
    config_path : tuple of str, optional
        The key that sets the limit, e.g. ('limits', 'node'); None if the limit is not configured.
    **details : str, optional
        The other parameters of LabrigError.
    """

    exit_code = 5

    def __init__(self, message: str, *, config_path: tuple[str, ...] | None = None, **details: str | None) -> None:
        super().__init__(message, **details)
        self.config_path = config_path


class SyncLost(LabrigError):
    """The pilot is missing or too weak to determine the sign of the error signal."""

    exit_code = 5


class SourceMisfit(LabrigError):
    """The output of the sources differs too much from what was requested."""

    exit_code = 5


class SenseMisfit(LabrigError):
    """The reading of a driven node is not the voltage that its source plays: a lead is open, swapped or inverted."""

    exit_code = 5


class Overrange(LabrigError):
    """A digitizer channel clipped, so the measurement was rejected."""

    exit_code = 5


class ChannelFault(LabrigError):
    """A programmed channel does not keep the value that was written."""

    exit_code = 5


class StorageError(LabrigError):
    """A file or folder of labrig's own, such as a run, cannot be written or read, or is damaged."""

    exit_code = 6


class NotMadeSafe(ExceptionGroup[Exception]):
    """Some instruments could not be made safe or closed.

    `cause` is the error that ended the run, which is also the first exception of the group; None if there was none.
    """

    cause: Exception | None = None

    def derive(self, excs: Sequence[Exception], /) -> NotMadeSafe:  # type: ignore[override]
        """Return a group of the same type and message with other exceptions."""
        return NotMadeSafe(self.message, excs)

    def after(self, cause: Exception) -> NotMadeSafe:
        """Return a copy of this group with `cause` as its first exception."""
        group = self.derive([cause, *self.exceptions])
        group.cause = cause
        return group


def leaves(error: Exception) -> list[Exception]:
    """Return the individual errors in a group and its nested groups, in order; [error] if `error` is not a group."""
    if not isinstance(error, ExceptionGroup):
        return [error]
    return [leaf for inner in error.exceptions for leaf in leaves(inner)]


def separated(error: Exception) -> tuple[list[Exception], list[Exception]]:
    """Split an error into the errors that ended the run, and those that occurred while making instruments safe."""
    if not isinstance(error, NotMadeSafe):
        return leaves(error), []
    if error.cause is None:
        return [], leaves(error)
    return leaves(error.cause), [leaf for inner in error.exceptions[1:] for leaf in leaves(inner)]


def reason(error: Exception) -> str:
    """Return the reason for a failure as one line of text."""
    if isinstance(error, LabrigError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__
