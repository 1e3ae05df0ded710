"""Files of weights: read without running anything that is in them, unwrapped, and aligned with a model."""
