"""The rig: the wiring as matrices, and a board that can be measured, programmed and made safe."""
