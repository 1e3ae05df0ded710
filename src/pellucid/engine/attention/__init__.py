"""Attention of any model: recognised, made visible, followed."""
