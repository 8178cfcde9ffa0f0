"""Writes the first files of a lab: a configuration of its rig, a CI workflow, the skeleton of a driver."""
