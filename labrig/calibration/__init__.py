"""Calibration records: what instruments really measure, play and hold, and the wrappers that apply it."""
