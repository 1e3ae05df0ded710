"""Receptive fields, read off the calls of one forward."""
