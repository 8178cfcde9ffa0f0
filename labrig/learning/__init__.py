"""Losses, rules, updates and tasks: arrays in, arrays out. Nothing here knows a rig."""
