"""`text:FILE`: a line is a sample."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pellucid.core.errors import BadInput
from pellucid.core.text import Text
from pellucid.inputs.data.data import Sample
from pellucid.inputs.data.listed import utf8
from pellucid.inputs.data.sizes import file_identity
from pellucid.inputs.image import as_file

LONGEST = 1_000_000
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines of one file, found by where they begin.

    Args:
        starts: `(sample,)`, the byte at which each begins.
        numbers: `(sample,)`, its line in the file, from 1.
    """

    file: Path
    starts: np.ndarray
    numbers: np.ndarray
    notes: tuple[Text, ...]
    classes: tuple[str, ...] = ()
    most_threads: int = 64
    covers: str = "size and number of lines"

    def __len__(self) -> int:
        return len(self.starts)

    def name(self, ordinal: int) -> str:
        """The line in the file."""
        return f"line {self.numbers[ordinal]}"

    def label(self, ordinal: int) -> int | None:  # noqa: ARG002
        """None: lines have no labels."""
        return None

    def take(self, ordinal: int) -> Sample:
        """One line without its end.

        Raises:
            BadInput: it is too long, or no UTF-8.
        """
        with self.file.open("rb") as stream:
            stream.seek(int(self.starts[ordinal]))
            line = stream.readline(LONGEST + 2).rstrip(b"\r\n")
        if len(line) > LONGEST:
            raise BadInput(Text(f"The line is longer than {LONGEST:,} bytes.", f"该行超过 {LONGEST:,} 字节。"))
        return Sample(utf8(line.decode("utf-8", "surrogateescape")))

    def identity(self, content: bool) -> Iterator[str]:
        """The file."""
        yield file_identity(self.file, content)


def open_lines(file: Path) -> Lines:
    """Find the lines of a text file; lines without a word are no samples, but are counted.

    Raises:
        BadInput: no such file, or no line in it.
    """
    starts: list[int] = []
    numbers: list[int] = []
    at, number, empty = 0, 0, 0
    try:
        with as_file(file).open("rb") as stream:
            if stream.read(3) == _BYTE_ORDER_MARK:
                at = 3
            stream.seek(at)
            in_line = False  # whether what is read goes on with a line begun before
            while part := stream.readline(LONGEST):
                if not in_line:
                    number += 1
                    starts.append(at)
                    numbers.append(number)
                    if not part.strip():
                        starts.pop()
                        numbers.pop()
                        empty += 1
                at += len(part)
                in_line = not part.endswith(b"\n")
    except OSError as error:
        raise BadInput(
            Text(f"'{file}' cannot be opened: {error.strerror}.", f"无法打开 '{file}'：{error.strerror}。")
        ) from error
    if not starts:
        raise BadInput(Text(f"'{file}' has no line with a word in it.", f"'{file}' 中没有含文字的行。"))
    notes = (Text(f"{empty:,} empty lines are no samples.", f"有 {empty:,} 个空行不作为样本。"),) if empty else ()
    return Lines(file, np.array(starts, np.int64), np.array(numbers, np.int64), notes)
