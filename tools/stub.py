"""Write `src/pellucid/__init__.pyi`, which tells editors and type checkers the names that pellucid loads when used.

Run it after adding a method or a public name: `python -m tools.stub`. A test fails where the file is not current.
"""

from pathlib import Path

import pellucid
from pellucid.registry import places

STUB = Path(__file__).parents[1] / "src" / "pellucid" / "__init__.pyi"
HEAD = """# Written by tools/stub.py from the lazy names of __init__.py and the methods of the registry.
"""


def stub() -> str:
    """The text of the stub; methods of other packages are left out."""
    own = {name: module for name, module in places().items() if module.startswith("pellucid.")}
    homes = {**pellucid._HOMES, **own}
    lines = [f"from {module} import {name} as {name}" for name, module in sorted(homes.items(), key=place)]
    return "\n".join([HEAD, *lines, "", "__version__: str", ""])


def place(home: tuple[str, str]) -> tuple[str, bool, str]:
    """Where a name stands: by module, classes before functions, as ruff sorts them."""
    name, module = home
    return module, name[0].islower(), name


if __name__ == "__main__":
    STUB.write_text(stub(), encoding="utf-8")
