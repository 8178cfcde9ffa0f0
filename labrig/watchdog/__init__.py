"""The watchdog: a small process that makes the instruments safe if the program that uses them is killed or hangs.

The program starts the watchdog before it opens the first instrument, and reports over a pipe which instruments it uses
and that it is making progress (watchdog.py). The watchdog (process.py) makes instruments safe over its own connections
in two cases:

- the pipe closes, but instruments were not released: the program was killed, ran out of memory, or crashed;
- acquisitions have begun, but none was completed for too long: the program hangs or was stopped. The time limit is set
  in `labrig/assembly/benches/hardware.py`.
"""
