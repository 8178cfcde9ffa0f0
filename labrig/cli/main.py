"""Where the process begins. Nothing is imported before a Ctrl-C is caught and the streams are mended."""

from __future__ import annotations

import sys

from labrig.cli import elapsed as elapsed  # the clock of `wall_s` starts here

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code (see `labrig --help`)."""
    from labrig.cli.commands import dispatch

    return dispatch(sys.argv[1:] if argv is None else argv)


def entry() -> None:
    """Console script."""
    try:
        from labrig.cli.streams import flushed, mend_streams

        mend_streams()
        code = flushed(main())
    except KeyboardInterrupt:
        code = INTERRUPTED
    try:
        import signal

        # Everything is safe and said; one more Ctrl-C must not turn the exit code into a death by signal.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)
