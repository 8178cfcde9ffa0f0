"""Can any conductances in range solve a task? The exact gradient of the board's model, from many starts.

`model` is the board without noise and tolerances, `criterion` says when a task counts as solved, `search` looks for
conductances that solve it, and `obstacles` looks for what makes it impossible.
"""
