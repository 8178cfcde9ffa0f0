"""What one does with a rig besides training: certify its gradient, plan a run."""
