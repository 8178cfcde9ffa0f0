"""What the sources play: tones, tone programs, and the frequency planner."""
