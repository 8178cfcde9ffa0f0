"""Builds a bench, a rig and an experiment from a configuration, all unopened, and checks the sections together."""

from labrig.assembly.assembly import Assembly, Setup
from labrig.assembly.check import assemble, packaged_configs

__all__ = ["Assembly", "Setup", "assemble", "packaged_configs"]
