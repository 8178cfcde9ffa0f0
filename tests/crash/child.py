"""A `labrig` command in a process of its own: python child.py STATE ARGUMENT…

Says "ready" on stderr when the command begins. Afterwards STATE holds, as JSON, what every source of every bench plays
in the end: true for a channel whose output is open.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

from labrig.cli.main import main
from labrig.cli.streams import protect_streams
from labrig.interrupts import ignore_ending_signals
from labrig.simulation.bench import SimulatedBench

benches: list[SimulatedBench] = []
construct = SimulatedBench.__init__


def construct_and_keep(self: SimulatedBench, *arguments, **more) -> None:
    construct(self, *arguments, **more)
    benches.append(self)


SimulatedBench.__init__ = construct_and_keep

if __name__ == "__main__":
    protect_streams()
    print("ready", file=sys.stderr, flush=True)
    try:
        code = main(sys.argv[2:])
    except KeyboardInterrupt:
        code = 130
    ignore_ending_signals()
    state = [{c: p is None for c, p in bench.world.playing(math.inf).items()} for bench in benches]
    Path(sys.argv[1]).write_text(json.dumps(state))
    sys.exit(code)
