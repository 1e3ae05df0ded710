"""Addresses inside a network: `PATH [#CALL] [/OP.N] [:in | :PARAMETER] [@FIELD]`, all indices from 0."""

import re
from dataclasses import dataclass, replace
from fnmatch import translate
from functools import cache

ROLES = (
    "last spatial",
    "last block",
    "first conv",
    "first weight",
    "every weight",
    "every conv",
    "every block",
    "every activation",
    "every attention",
)
INPUT, OUTPUT = "input", "output"
_TAIL = re.compile(
    r"(?:#(?P<call>\d+))?(?:/(?P<op>[A-Za-z]\w*?)(?:\.(?P<n>\d+))?)?"
    r"(?::(?P<side>[A-Za-z_][\w.]*))?(?:@(?P<field>[\w.\-]+))?$"
)


@dataclass(frozen=True, slots=True)
class Place:
    """One concrete place of one forward pass.

    Args:
        path: dotted module name, `""` is the model.
        call: which call of that module in this forward.
        op: name of a function called directly inside that call, or `""` for the module itself.
        n: which call of `op` inside that module call.
        side: `"out"`, `"in"`, or `":name"` for a parameter.
    """

    path: str
    call: int = 0
    op: str = ""
    n: int = 0
    side: str = "out"


@dataclass(frozen=True, slots=True)
class Site:
    """What a user wrote, taken apart; `None` means "all". `side` is as in `Place`.

    Args:
        within: the modules inside that module count as well.
    """

    path: str
    call: int | None = None
    op: str = ""
    n: int | None = None
    side: str = "out"
    field: str = ""
    role: str = ""
    within: bool = False

    @property
    def attentions(self) -> "Site":
        """What it denotes where attentions are wanted: of modules, those inside them."""
        if self.role or self.op or self.side != "out" or not self.path:
            return self
        return replace(self, op="attention", within=self.call is None)

    @property
    def is_glob(self) -> bool:
        """Whether the path is a pattern."""
        return any(mark in self.path for mark in "*?[")

    def matches(self, place: Place) -> bool:
        """Whether `place` is one of the places that this site denotes."""
        if self.role or self.op != place.op or self.side != place.side:
            return False
        if self.call is not None and self.call != place.call:
            return False
        if self.n is not None and self.op and self.n != place.n:
            return False
        return any(map(self._called, _around(place.path) if self.within else (place.path,)))

    def _called(self, path: str) -> bool:
        return self.path == path or (self.is_glob and _pattern(self.path).match(path) is not None)

    def __str__(self) -> str:
        return self.path if self.role or self.within else address(self)


@cache
def _around(path: str) -> tuple[str, ...]:
    """`a.b.c`: a.b.c, a.b, a."""
    names = path.split(".")
    return tuple(".".join(names[:count]) for count in range(len(names), 0, -1))


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob))


def address(site: Site | Place, *, called_once: bool = False) -> str:
    """The text of a site or place; a module called once in its forward needs no call index."""
    text = site.path
    if site.path == "" and not site.op and site.side in ("in", "out"):
        field = f"@{site.field}" if isinstance(site, Site) and site.field else ""
        return (INPUT if site.side == "in" else OUTPUT) + field
    if site.call is not None and not called_once:
        text += f"#{site.call}"
    if site.op:
        text += f"/{site.op}" + (f".{site.n}" if site.n is not None else "")
    if site.side == "in":
        text += ":in"
    elif site.side != "out":
        text += site.side
    if isinstance(site, Site) and site.field:
        text += f"@{site.field}"
    return text or OUTPUT


def parse(text: str, names: frozenset[str] | set[str] = frozenset()) -> Site:
    """Take an address apart.

    Args:
        text: an address, a glob or a role (`":in"` after a role: what goes into those places).
        names: module paths of the model; a text that is one of them is taken literally.
    Raises:
        ValueError: the text does not follow the grammar.
    """
    role = text.removesuffix(":in")
    if role in ROLES:
        return Site(text, role=role, side="in" if role != text else "out")
    if text in names and text != "":
        return Site(text)
    literal = max(
        (name for name in names if name and text.startswith(name) and text[len(name) :][:1] in "#/:@"),
        key=len,
        default=None,
    )
    start = (
        len(literal) if literal is not None else min((i for i in map(text.find, "#/:@") if i >= 0), default=len(text))
    )
    path, tail = text[:start], text[start:]
    found = _TAIL.match(tail)
    if found is None:
        raise ValueError(f"'{text}' is not an address: write PATH[#CALL][/OP.N][:in or :PARAMETER][@FIELD]")
    call, op, n, side, field = found.group("call", "op", "n", "side", "field")
    site = Site(
        path,
        int(call) if call else None,
        op or "",
        int(n) if n else None,
        "out" if side is None else ("in" if side == "in" else f":{side}"),
        field or "",
    )
    if path == INPUT and INPUT not in names and not op:
        return replace(site, path="", side="in")
    if path == OUTPUT and OUTPUT not in names and not op:
        return replace(site, path="")
    return site
