"""A data set as a sweep sees it: numbered samples, each read alone, named, and perhaps labelled."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from PIL import Image

from pellucid.core.errors import BadInput, PellucidError
from pellucid.core.text import Text
from pellucid.inputs.data.labels import printable
from pellucid.inputs.data.stored import Stored
from pellucid.inputs.image import MAX_PIXELS, open_image

_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
_LONGEST_REASON = 300


@dataclass(frozen=True, eq=False)
class Sample:
    """One sample that could be read.

    Args:
        x: an RGB picture, a text, an array or tensor without a batch axis, or a tuple or dict of these. A reader may
            also give a `Path`, bytes or any picture: `Data.read` decodes them.
        label: its class, from 0; None if it has none.
        name: what the source itself calls it; "" leaves it to `Data.name`.
        notes: what the reader must know of how it was read.
        given: the picture as the source gave it, before it was brought to RGB.
    """

    x: Any
    label: int | None = None
    name: str = ""
    notes: tuple[Text, ...] = ()
    given: Image.Image | None = None


@dataclass(frozen=True)
class Bad:
    """One sample that could not be read; it is counted and listed, never left out in silence.

    Args:
        reason: one line, free of absolute paths and of addresses in memory, so that it is the same everywhere.
        status: "unreadable" for what the sample is, "failed" where code of the user raised something.
    """

    ordinal: int
    name: str
    reason: str
    status: Literal["unreadable", "failed"] = "unreadable"


class Reader(Protocol):
    """One kind of source. It can be pickled, and opens again in another process what it needs there."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels; empty if there are none."""
        ...

    @property
    def notes(self) -> tuple[Text, ...]:
        """What was left out, and what was guessed."""
        ...

    @property
    def most_threads(self) -> int:
        """How many threads may call `take` at once; 0 where it must be called from the caller's own."""
        ...

    @property
    def covers(self) -> str:
        """What `identity(False)` tells two sources apart by."""
        ...

    def __len__(self) -> int: ...

    def name(self, ordinal: int) -> str:
        """How a sample is called."""
        ...

    def label(self, ordinal: int) -> int | None:
        """Its class, as far as that is known before it is read."""
        ...

    def take(self, ordinal: int) -> Sample:
        """Read one sample; may raise anything."""
        ...

    def identity(self, content: bool) -> Iterator[str]:
        """What makes this source differ from others; with `content`, also by every byte that will be read."""
        ...


@dataclass(frozen=True, eq=False)
class Data:
    """A data set: samples `0` to `len(data) - 1`, always in the same order.

    Args:
        reader: what knows the source.
        said: the words or the object that it was opened with.
        max_pixels: larger pictures are refused.
        exif: turn pictures as their EXIF orientation says.
        hash_data: let the fingerprint cover the content too, which reads everything once.
    """

    reader: Reader
    said: str
    max_pixels: int = MAX_PIXELS
    exif: bool = True
    hash_data: bool = False

    def __len__(self) -> int:
        return len(self.reader)

    def __repr__(self) -> str:
        classes = f", {len(self.classes)} classes" if self.classes else ""
        return f"Data({self.said}, {len(self):,} samples{classes})"

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels; empty if they have none."""
        return self.reader.classes

    @property
    def notes(self) -> tuple[Text, ...]:
        """What was left out when the data set was listed, and what was guessed."""
        return self.reader.notes

    @property
    def names(self) -> tuple[str, ...]:
        """How every sample is called."""
        return tuple(self.name(ordinal) for ordinal in range(len(self)))

    @property
    def labels(self) -> tuple[int | None, ...]:
        """The class of every sample as far as it is known before reading; of a `Dataset` object, none is."""
        return tuple(self.label(ordinal) for ordinal in range(len(self)))

    def label(self, ordinal: int) -> int | None:
        """The class of one sample as far as it is known before reading."""
        return self.reader.label(ordinal)

    def name(self, ordinal: int) -> str:
        """How one sample is called: its path inside the source, its row or line; bytes that are no UTF-8, escaped."""
        return printable(self.reader.name(ordinal))

    @property
    def fingerprint_covers(self) -> str:
        """What two data sets of one fingerprint have in common."""
        return "content" if self.hash_data else self.reader.covers

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of what the samples are and how they are decoded; see `fingerprint_covers`."""
        digest = hashlib.sha256(f"{type(self.reader).__name__} {len(self)} {self.exif} {self.max_pixels}\n".encode())
        digest.update(f"{self.hash_data} {self.classes!r}\n".encode("utf-8", "backslashreplace"))
        for part in self.reader.identity(self.hash_data):
            digest.update(f"{part}\n".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def read(self, ordinal: int) -> Sample | Bad:
        """One sample, pictures decoded; what cannot be read is a `Bad`, whatever was raised.

        Raises:
            IndexError: there is no such sample.
        """
        if not 0 <= ordinal < len(self):
            raise IndexError(f"there is no sample {ordinal} among {len(self)}")
        try:
            sample = self.reader.take(ordinal)
        except Exception as error:  # noqa: BLE001  (a data set is code and bytes of others: any class may come)
            return self.bad(ordinal, error)
        try:
            return self.decoded(sample)
        except Exception as error:  # noqa: BLE001  (a file system raises what it likes)
            return self.bad(ordinal, error, sample)

    def bad(self, ordinal: int, error: Exception, sample: Sample | None = None) -> Bad:
        """What is listed of a sample that raised `error`."""
        name = (sample and sample.name) or self.name(ordinal)
        status = "unreadable" if isinstance(error, (PellucidError, OSError)) else "failed"
        reason = told(error)
        if sample is not None and isinstance(sample.x, Path):
            reason = reason.replace(printable(str(sample.x)), name)
        return Bad(ordinal, name, reason[:_LONGEST_REASON], status)

    def decoded(self, sample: Sample) -> Sample:
        """The sample with its picture in RGB, or with the array that its `.npy` file holds; anything else as it is.

        Raises:
            BadInput: it is no picture, or one that is refused.
        """
        if not isinstance(sample.x, (Path, bytes, Image.Image)):
            return sample
        if isinstance(sample.x, Path) and not sample.x.exists():
            raise BadInput(Text(f"There is no file '{sample.x}'.", f"没有文件 '{sample.x}'。"))
        if isinstance(sample.x, Path) and sample.x.suffix.lower() == ".npy":
            return replace(sample, x=np.array(Stored(sample.x).open()))
        picture, notes = open_image(sample.x, max_pixels=self.max_pixels, exif=self.exif)
        given = sample.x if isinstance(sample.x, Image.Image) else None
        return replace(sample, x=picture, notes=(*sample.notes, *notes), given=given)


def told(error: Exception) -> str:
    """An error in one line: what went wrong; of classes that are not ours, the class too."""
    if isinstance(error, PellucidError):
        words = error.what
    elif isinstance(error, OSError) and error.strerror:
        words = f"It cannot be opened: {error.strerror}."
    else:
        words = f"{type(error).__name__}: {error}"
    line = " ".join(words.split())
    return printable(_ADDRESS.sub("0x…", line))
