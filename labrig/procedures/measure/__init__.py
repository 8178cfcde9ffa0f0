"""One acquisition beside what the configured board should answer, and a scan of all its channels."""

from labrig.procedures.measure.comparison import Comparison, Measurement, Meter
from labrig.procedures.measure.scan import Scan, scan

__all__ = ["Comparison", "Measurement", "Meter", "Scan", "scan"]
