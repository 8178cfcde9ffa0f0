"""Signals of the sources: tones, tone programs, and the planning of frequencies."""
