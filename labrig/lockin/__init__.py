"""Lock-in: signed amplitudes of every tone, per channel and per edge, from blocks of samples."""

from labrig.lockin.demodulated import Demodulated, Flag
from labrig.lockin.demodulator import Demodulator
from labrig.lockin.single_window import demodulate

__all__ = ["Demodulated", "Demodulator", "Flag", "demodulate"]
