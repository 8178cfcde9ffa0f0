"""The procedures of a user: train a rig, certify its gradient, plan a run, examine the machine, list the wiring."""
