"""Writes first files for a lab: a configuration of its rig, a workflow of CI, the skeleton of a driver."""
