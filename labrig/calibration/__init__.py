"""Calibration records of what instruments really measure, play and hold, and wrappers that apply a record."""
