"""A sweep: many training runs of one configuration on simulated benches, over values of some of its keys and seeds.

`sweep_file` reads SWEEP.yaml, `trial` is one trial as a worker runs it, and `procedure` distributes the trials to the
workers of dask.distributed. `labrig.runs.sweeps` reads the records of the trials.
"""
