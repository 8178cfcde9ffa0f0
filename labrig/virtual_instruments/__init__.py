"""Instruments made of software that speak the real ones' bytes, so that the real drivers run without hardware."""
