"""The watchdog: a small process that makes the instruments safe if the program that uses them is killed or hangs.

The program starts it before it opens the first instrument, and tells it over a pipe what it uses and that it is going
on (watchdog.py). The watchdog (process.py) acts over connections of its own:

- the pipe closes although instruments were not released: the program was killed, ran out of memory, or crashed;
- acquisitions have begun, and then none was completed for too long: the program hangs or was stopped.
"""
