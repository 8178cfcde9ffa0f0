"""The guided calibration of a bench: digitizer, sources and programmable parts."""

from labrig.procedures.calibrate.guide import Guide, Standards
from labrig.procedures.calibrate.procedure import calibrate

__all__ = ["Guide", "Standards", "calibrate"]
