"""Compares an acquisition with the expected readings of the configured board, and scans all channels."""

from labrig.procedures.measure.comparison import Comparison, Measurement, Meter
from labrig.procedures.measure.scan import Scan, scan

__all__ = ["Comparison", "Measurement", "Meter", "Scan", "scan"]
