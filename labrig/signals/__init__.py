"""What the sources play: tones, programs of tones, and the planner that places them."""
