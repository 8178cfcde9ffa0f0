"""Lock-in: signed amplitudes of every tone, per channel and per edge, from blocks of samples."""

from labrig.lockin.demodulated import Demodulated, Flag
from labrig.lockin.demodulator import Demodulator, demodulate

__all__ = ["Demodulated", "Demodulator", "Flag", "demodulate"]
