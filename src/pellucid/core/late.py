"""Calls that go upward in the house, by name, at first use."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any


@cache
def late(name: str) -> Callable[..., Any]:
    """The function `"module:attribute"`, imported when first called for."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)
