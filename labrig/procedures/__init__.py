"""What a user does with a rig: train, certify its gradient, plan a run, examine the machine, list the wiring."""
