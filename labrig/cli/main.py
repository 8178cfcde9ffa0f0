"""Entry point of the command line. Ctrl-C is handled and the standard streams are made usable before other imports."""

# PYTHON_ARGCOMPLETE_OK

from __future__ import annotations

import gc
import sys

from labrig.cli import elapsed as elapsed  # starts the clock of `wall_s`

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code (see `labrig --help`)."""
    from labrig.cli.commands import dispatch

    return dispatch(sys.argv[1:] if argv is None else argv)


def entry() -> None:
    """Run as the console script `labrig`."""
    # Nearly everything that imports and a configuration create lives to the end, so garbage is rarely looked for.
    gc.set_threshold(20_000, 20, 20)
    try:
        from labrig.cli.streams import flush_stdout, protect_streams

        protect_streams()
        code = flush_stdout(main())
    except KeyboardInterrupt:
        code = INTERRUPTED
    try:
        from labrig.interrupts import ignore_ending_signals

        ignore_ending_signals()
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)
