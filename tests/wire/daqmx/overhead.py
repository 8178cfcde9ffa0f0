"""What an acquisition over the wire costs beyond its settle and window: `python tests/wire/daqmx/overhead.py`.

The server runs in a process of its own and simulates a chain of 14 nodes; with `--mute` it simulates nothing and every
sample is 0 V, which leaves the wire and the driver. Figures are milliseconds, median and 90 %.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as the wire bench does: on matrices this small threads only wait

import numpy as np
from numpy.typing import NDArray
from wire.daqmx.boards import NOISY, acquire, analog_input, analog_output, plan, wire

from labrig.signals.tones import Tone, ToneProgram
from labrig.simulation.front_end import FrontEnd

CHANNELS, RATE_HZ, SETTLE = 14, 50e3, 250


def silence(
    self: FrontEnd, world: object, channels: Sequence[str], t0: float, rate: float, span: tuple[int, int], *rest: object
) -> NDArray[np.float64]:
    return np.zeros((span[1] - span[0], len(channels)))


def serve(end: Connection, mute: bool) -> None:
    if mute:
        FrontEnd.sample = silence
    with wire(wrong=NOISY) as served:
        end.send(served.port)
        end.recv()


def timed(action: Callable[[], object], repeats: int, nominal_s: float = 0.0) -> str:
    took = []
    for _ in range(repeats):
        began = time.perf_counter()
        action()
        took.append(1e3 * (time.perf_counter() - began - nominal_s))
    return f"{statistics.median(took):6.2f} {statistics.quantiles(took, n=10)[-1]:6.2f}"


def main() -> None:
    here, there = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=serve, args=(there, "--mute" in sys.argv))
    child.start()
    port = here.recv()
    ai, ao = analog_input(port), analog_output(port)
    ai.open()
    ao.open()
    device = ai._device.device("measure")
    print("RPC round trip          ", timed(lambda: device.serial_num, 300))

    def idle_then_ask() -> None:
        time.sleep(0.05)
        _ = device.serial_num

    print("  after 50 ms of silence", timed(idle_then_ask, 40, 0.05))
    levels = {f"ao{k}": ToneProgram(0.05 * k) for k in range(13)}
    tones = levels | {"ao13": ToneProgram(0.0, (Tone(350.0, 0.5),))}
    for window in (1000, 10_000):
        actual = ai.configure(plan(CHANNELS, RATE_HZ, SETTLE, window))
        total, nominal_s = actual.total_samples, actual.duration_s

        def alone(total: int = total) -> None:
            ai.arm()
            ai.start()
            first = 0
            while first < total:
                block = ai.read(5.0)
                first = block.start_index + len(block.codes)

        print(f"window {1e3 * window / RATE_HZ:3.0f} ms: arm, start, read      ", timed(alone, 30, nominal_s))
        for label, programs in (("levels", levels), ("levels and a tone", tones)):
            counter = iter(range(10**9))

            def step(programs: dict[str, ToneProgram] = programs, total: int = total, counter=counter) -> None:
                changed = programs | {"ao0": ToneProgram(0.001 * next(counter))}
                ao.load(changed)
                acquire(ai, ao, total, 5.0)

            print(f"  with new {label:<22}", timed(step, 30, nominal_s))
    ao.make_safe()
    ao.close()
    ai.close()
    here.send("end")
    child.join()


if __name__ == "__main__":
    main()
