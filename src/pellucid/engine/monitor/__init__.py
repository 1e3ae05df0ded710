"""Training watched: what is measured at which step, how it is stored, and how it is read. Reading needs no torch."""
