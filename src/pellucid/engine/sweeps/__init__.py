"""One run through a data set answers every question about it: reducers, the frozen plan, the store, the run."""
