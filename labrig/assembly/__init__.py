"""From a configuration to a bench, a rig and an experiment, all unopened. Every check between sections lives here."""

from labrig.assembly.assembly import Assembly, Setup
from labrig.assembly.check import assemble, packaged_configs

__all__ = ["Assembly", "Setup", "assemble", "packaged_configs"]
