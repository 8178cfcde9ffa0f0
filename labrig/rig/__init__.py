"""The rig: the wiring as matrices, and a board one can measure, program and make safe."""
