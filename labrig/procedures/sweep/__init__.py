"""A sweep: many trainings of one configuration on simulated benches, over values of some of its keys and seeds.

`sweep_file` reads SWEEP.yaml, `trial` is what a worker does, `procedure` lets the workers of dask.distributed do it.
What the trials recorded is in `labrig.runs.sweeps`.
"""
