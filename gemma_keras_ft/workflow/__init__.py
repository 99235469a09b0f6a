"""The road in a few calls: curate, train, evaluate, generate, report."""
