"""Where measured tables stand in the README."""

from pathlib import Path

README = Path(__file__).parent / "README.md"


def standing(name: str) -> str:
    """What stands between `<!-- name -->` and `<!-- end of name -->`."""
    return README.read_text(encoding="utf-8").partition(f"<!-- {name} -->")[2].partition(f"<!-- end of {name} -->")[0]


def put(name: str, text: str) -> None:
    """Put a text between `<!-- name -->` and `<!-- end of name -->`, in place of what stands there."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, found, rest = README.read_text(encoding="utf-8").partition(begin)
    if not found or end not in rest:
        raise SystemExit(f"{README.name} has no place for '{name}'")
    README.write_text(f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}", encoding="utf-8")
