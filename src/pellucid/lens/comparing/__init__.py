"""Several models, checkpoints or runs beside one another."""
