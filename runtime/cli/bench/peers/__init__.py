"""Other libraries doing the same work, each at its best settings.

Every module has `prepare(workload, inputs, threads) -> Prepared`, which raises
NotImplementedError for a workload that its library has no fair counterpart of. What
is done ahead of the timed call there is done ahead here: weights are constants.
"""
