"""Runs the model: the only place with hooks, function modes and autograd calls."""
