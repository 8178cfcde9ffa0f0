"""From a configuration to a bench, a rig and an experiment, all unopened. Every check between sections lives here."""

from labrig.assembly.assemble import Assembly, Setup, assemble, packaged_configs

__all__ = ["Assembly", "Setup", "assemble", "packaged_configs"]
