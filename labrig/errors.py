"""Every error labrig raises on purpose.

Each names the device, the action, the limit or deadline, the last good state and the remedy, as far as they apply, so
that one line tells a physicist what to do next. `exit_code` is what the command line ends with.
"""

from __future__ import annotations

from collections.abc import Sequence


class LabrigError(Exception):
    """Base of all errors that are labrig's own.

    Parameters are free text, already formatted with units. Only `message` is required.
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
    """A configuration, an argument or a record that labrig refuses; nothing was touched."""

    exit_code = 3


class UsageError(LabrigError):
    """The command line itself is wrong."""

    exit_code = 2


class ConnectionFailed(LabrigError):
    """An instrument is absent, refused the connection, or was lost."""

    exit_code = 4


class InUse(ConnectionFailed):
    """Another labrig works with the instrument."""


class IdentityMismatch(LabrigError):
    """Another instrument answered than the configuration names."""

    exit_code = 4


class DeadlineExceeded(LabrigError):
    """An instrument did not answer in time."""

    exit_code = 4


class LimitExceeded(LabrigError):
    """A limit of the rig or of a device would be, or was, exceeded; the rig was made safe."""

    exit_code = 5


class SyncLost(LabrigError):
    """The reference of a measurement is missing or too weak to give the error a sign."""

    exit_code = 5


class SourceMisfit(LabrigError):
    """What the sources played is not what was asked for, by more than an answer may be wrong."""

    exit_code = 5


class Overrange(LabrigError):
    """A digitizer channel clipped, so the measurement was refused."""

    exit_code = 5


class ChannelFault(LabrigError):
    """A programmed channel does not hold what was written."""

    exit_code = 5


class StorageError(LabrigError):
    """The run folder cannot be written or read."""

    exit_code = 6


class NotMadeSafe(ExceptionGroup[Exception]):
    """Instruments that could not be made safe or closed.

    cause: the error that led there, the first of the exceptions; None where the end came without one.
    """

    cause: Exception | None = None

    def derive(self, excs: Sequence[Exception], /) -> NotMadeSafe:  # type: ignore[override]
        return NotMadeSafe(self.message, excs)

    def after(self, cause: Exception) -> NotMadeSafe:
        """The same, with the error that led there in front."""
        group = self.derive([cause, *self.exceptions])
        group.cause = cause
        return group


def leaves(error: Exception) -> list[Exception]:
    """The errors of a group and of the groups within it, in order; of any other error itself."""
    if not isinstance(error, ExceptionGroup):
        return [error]
    return [leaf for inner in error.exceptions for leaf in leaves(inner)]


def separated(error: Exception) -> tuple[list[Exception], list[Exception]]:
    """What went wrong, the first of it first, and what could not be made safe because of it or besides."""
    if not isinstance(error, NotMadeSafe):
        return leaves(error), []
    if error.cause is None:
        return [], leaves(error)
    return leaves(error.cause), [leaf for inner in error.exceptions[1:] for leaf in leaves(inner)]


def reason(error: Exception) -> str:
    """Return why something failed as one line of text, for a message that says what was left out because of it."""
    if isinstance(error, LabrigError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__
