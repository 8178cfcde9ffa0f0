"""labrig: train physical networks in place by frequency propagation.

`labrig.open(CONFIG)` gives a rig in a notebook; the command line is `labrig`. Importing this package imports nothing
heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from labrig.rig.rig import Rig

__version__ = "0.1.0"


def open(
    config: str | Path, *, seed: int | None = None, overrides: tuple[str, ...] = ()
) -> AbstractContextManager[Rig]:
    """Open the rig of a configuration: `with labrig.open("iris.yaml") as rig: rig.measure(...)`.

    Every instrument is made safe and closed when the block ends, however it ends; also when the process gets a SIGTERM
    or SIGHUP, which then ends it as without labrig (see `labrig.rig.safe_rig.SafeRig`).
    overrides: as on the command line, e.g. ("learning.rate=0.1",).
    Raises ConfigError with place and remedy, and the instruments' own errors.
    """
    from pathlib import Path

    from labrig.assembly import assemble
    from labrig.rig.safe_rig import SafeRig

    if seed is not None:
        overrides = (*overrides, f"seed={seed}")
    return SafeRig(assemble(Path(config), overrides=overrides).open_rig())
