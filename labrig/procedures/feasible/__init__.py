"""Can any conductances in range solve a task? Trains the model of the board by its exact gradient, from many starts.

`model` is the board without noise and tolerances, `criterion` says when a task counts as solved, `search` looks for
conductances that solve it, and `obstacles` looks for reasons why it is impossible.
"""
