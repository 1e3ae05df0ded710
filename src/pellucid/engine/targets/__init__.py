"""What is explained: one number for each example, out of whatever a model gives."""
