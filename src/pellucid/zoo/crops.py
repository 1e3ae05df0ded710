"""Photographs cut into pieces: a small data set without a file of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from pellucid.core.text import Text
from pellucid.inputs.data.data import Sample
from pellucid.inputs.data.sizes import file_identity


@dataclass(frozen=True, eq=False)
class Crops:
    """`across` × `across` pieces of each photograph, row by row, that do not overlap.

    Args:
        paths: of the photographs.
        classes: what each shows.
        across: pieces along each side.
    """

    paths: Sequence[Path]
    classes: tuple[str, ...]
    across: int = 3
    notes: tuple[Text, ...] = ()
    most_threads: int = 64
    covers: str = "names and sizes of the files"

    def __len__(self) -> int:
        return len(self.paths) * self.across**2

    def name(self, ordinal: int) -> str:
        """The photograph and the number of the piece, from 1."""
        photograph, piece = divmod(ordinal, self.across**2)
        return f"{self.paths[photograph].stem} {piece + 1}"

    def label(self, ordinal: int) -> int:
        """What the photograph shows."""
        return ordinal // self.across**2

    def take(self, ordinal: int) -> Sample:
        """One piece."""
        photograph, piece = divmod(ordinal, self.across**2)
        row, column = divmod(piece, self.across)
        with Image.open(self.paths[photograph]) as opened:
            width, height = opened.size
            across = [width * i // self.across for i in range(self.across + 1)]
            down = [height * i // self.across for i in range(self.across + 1)]
            box = (across[column], down[row], across[column + 1], down[row + 1])
            return Sample(opened.convert("RGB").crop(box), photograph)

    def identity(self, content: bool) -> Iterator[str]:
        """The photographs, and how they are cut."""
        yield f"{self.across}"
        for path in self.paths:
            yield f"{path.name}\0{file_identity(path, content)}"
