"""The tour: a few pictures of every family, for whoever does not know yet what to ask."""

from pellucid.registry import View, find, names


def tour() -> list[View]:
    """One view of every method that says it belongs to the tour, in the order that they state."""
    specs = [find(name) for name in names()]
    return [spec() for spec in sorted((one for one in specs if one.tour is not None), key=lambda one: one.tour or 0)]
