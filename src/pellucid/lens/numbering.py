"""Labels of a data set in the numbering of the model, where its classes are called as the model calls them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pellucid.core.errors import quoted
from pellucid.core.text import Text
from pellucid.inputs.data.data import Data, Reader, Sample

_TOLD = 3


@dataclass(frozen=True, eq=False)
class Numbered:
    """A source whose labels are counted as the model counts its classes.

    Args:
        reader: the source.
        classes: of the model.
        places: the model's number of every label of the source.
        added: notes on top of those of the source.
    """

    reader: Reader
    classes: tuple[str, ...]
    places: Mapping[int, int]
    added: tuple[Text, ...] = ()

    @property
    def notes(self) -> tuple[Text, ...]:
        """Those of the source, and those of the numbering."""
        return (*self.reader.notes, *self.added)

    @property
    def most_threads(self) -> int:
        """As the source says."""
        return self.reader.most_threads

    @property
    def covers(self) -> str:
        """As the source says."""
        return self.reader.covers

    def __len__(self) -> int:
        return len(self.reader)

    def name(self, ordinal: int) -> str:
        """As the source says."""
        return self.reader.name(ordinal)

    def label(self, ordinal: int) -> int | None:
        """The model's number of its class."""
        return self._number(self.reader.label(ordinal))

    def take(self, ordinal: int) -> Sample:
        """One sample; whatever the source raises comes through."""
        sample = self.reader.take(ordinal)
        return replace(sample, label=self._number(sample.label))

    def identity(self, content: bool) -> Iterator[str]:
        """The source, and how its labels are numbered."""
        yield f"{type(self.reader).__name__} {sorted(self.places.items())}"
        yield from self.reader.identity(content)

    def _number(self, label: int | None) -> int | None:
        return None if label is None else self.places.get(label, label)


def in_numbers_of(data: Data, labels: Sequence[str]) -> Data:
    """The data set with the labels of the model, if every class of it is called as one of these; else as it is.

    Names are alike where they differ in capitals, or in `_` for a space. Where only some of the names are the model's,
    the labels stay as they are, and a note names the others.

    Args:
        labels: class names in the order of the model's output; empty if they are not known.
    """
    classes = data.classes
    if not labels or not classes or classes == tuple(labels):
        return data
    whole = {name: place for place, name in reversed(list(enumerate(labels)))}
    loose = {_plain(name): place for place, name in reversed(list(enumerate(labels)))}
    found = {place: whole.get(name, loose.get(_plain(name))) for place, name in enumerate(classes)}
    unknown = [name for place, name in enumerate(classes) if found[place] is None]
    if len(unknown) == len(classes):
        return data
    if unknown:
        return replace(data, reader=Numbered(data.reader, classes, {}, (_others(unknown, len(classes)),)))
    places = {place: number for place, number in found.items() if number is not None}
    twice = Counter(map(_plain, labels))
    doubtful = [name for name in classes if name not in whole or labels.count(name) > 1]
    notes = _doubts([name for name in doubtful if twice[_plain(name)] > 1])
    return replace(data, reader=Numbered(data.reader, tuple(labels), places, notes))


def own_classes(data: Data) -> tuple[str, ...]:
    """The classes of a data set as itself has them, whoever numbers them."""
    return data.reader.reader.classes if isinstance(data.reader, Numbered) else data.classes


def _plain(name: str) -> str:
    return name.casefold().replace("_", " ").strip()


def _others(unknown: Sequence[str], count: int) -> Text:
    named = quoted(unknown[:_TOLD]) + (", …" if len(unknown) > _TOLD else "")
    return Text(
        f"{len(unknown)} of the {count} classes of the data {'is' if len(unknown) == 1 else 'are'} not among the "
        f"model's ({named}): all labels are numbered by the data, not by the model.",
        f"数据的 {count} 个类别中有 {len(unknown)} 个不是模型的类别（{named}）："
        "所有标签按数据自身编号，而非按模型编号。",
    )


def _doubts(names: Sequence[str]) -> tuple[Text, ...]:
    if not names:
        return ()
    named = quoted(names[:_TOLD]) + (", …" if len(names) > _TOLD else "")
    return (
        Text(
            f"The model has several classes called {named}; the labels are numbered as the first of them.",
            f"模型有多个类别名为 {named}；标签按其中第一个编号。",
        ),
    )
