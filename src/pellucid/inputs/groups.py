"""Groups of an input: what methods cover and uncover as one (superpixels, words, columns, a mask of labels)."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.core.errors import BadSetting, MethodFault, quoted
from pellucid.core.text import Text
from pellucid.inputs.grouping import Explained, parts
from pellucid.inputs.inputs import Inputs

GroupsSetting = str | int | Tensor | tuple[str | int | Tensor, ...]


@dataclass(frozen=True, eq=False)
class Groups:
    """The groups of all explained inputs, numbered through; each example has its own.

    Args:
        by_input: input name → `(batch, *shape)` numbers of groups; the shape broadcasts to what is explained of that
            input (the embedding of an integer one). −1: in no group, never covered.
        words: per example the names of its groups.
        kinds: input name → which kind of group.
    """

    by_input: Mapping[str, Tensor]
    words: tuple[tuple[str, ...], ...]
    kinds: Mapping[str, str]

    @property
    def count(self) -> tuple[int, ...]:
        """Number of groups of each example."""
        return tuple(map(len, self.words))

    def names(self, example: int) -> tuple[str, ...]:
        """Names of the groups of one example."""
        return self.words[example]

    @property
    def labels(self) -> Tensor:
        """`by_input` of the only explained input.

        Raises:
            BadSetting: there are several.
        """
        if len(self.by_input) != 1:
            raise BadSetting(
                Text(f"these groups lie on {len(self.by_input)} inputs", f"这些组位于 {len(self.by_input)} 个输入上"),
                nearest=quoted(self.by_input),
            )
        return next(iter(self.by_input.values()))

    def covered(self, x: Inputs, example: int, off: Tensor, fill: Mapping[str, Tensor] | Tensor) -> Inputs:
        """One example many times, each time with other groups covered.

        Args:
            x: the example alone; of an integer input with its embedding (`x.replaced`).
            example: which one it is.
            off: `(variant, group)`, true where a group is covered.
            fill: what covered elements become, `(1, ...)` of what is explained, by input name where there are several.
        Returns:
            A batch with one row per variant.
        """
        many = x.repeated(len(off))
        values = many.embedded if x.is_discrete else many.tensors
        fills = {next(iter(self.by_input)): fill} if isinstance(fill, Tensor) else fill
        missing = [name for name in self.by_input if name not in values or name not in fills]
        if missing:
            raise MethodFault(f"nothing to cover {quoted(missing)} with: a value and a fill are needed")
        hidden = self.hidden(example, off)
        return many.replaced({name: torch.where(hidden[name], fills[name], values[name]) for name in self.by_input})

    def hidden(self, example: int, off: Tensor) -> dict[str, Tensor]:
        """By input name: `(variant, *shape)`, true where an element is covered."""
        table = torch.cat([off, off.new_zeros(len(off), 1)], 1)
        return {name: table.to(labels.device)[:, labels[example]] for name, labels in self.by_input.items()}

    def spread(self, values: Tensor, name: str = "") -> Tensor:
        """The number of each group at each of its elements, 0 where there is no group.

        Args:
            values: `(batch, group)`, as many as the example with most groups has.
            name: the input; needed where there are several.
        Returns:
            `(batch, *shape)` on the device of `values`; the shape broadcasts to what is explained: `(batch, 1, height,
            width)` for an image.
        """
        labels = (self.by_input[name] if name else self.labels).to(values.device)
        padded = torch.cat([values, values.new_zeros(len(values), 1)], 1)
        rows = torch.arange(len(values), device=values.device).reshape(-1, *[1] * (labels.ndim - 1))
        return padded[rows, labels]


def grouped(x: Inputs, groups: GroupsSetting = "auto") -> Groups:
    """The groups that a setting means.

    Args:
        x: the input.
        groups: `"superpixels"` (images), `"grid"`, `"segments"` (series), `"blocks"` (volumes), `"words"` or `"tokens"`
            (text), `"columns"` (rows), `"channels"`, `"elements"`, each with a number where that makes sense
            (`"superpixels:60"`, `"grid:7"`: seven along every axis); a number alone for that many of the usual kind;
            a tensor of whole numbers of the grid's shape, for all examples or with a leading batch axis; `"auto"` for
            the usual kind. A tuple of these for several explained inputs.
    Raises:
        BadSetting: this input has no such groups, or the labels do not fit it.
    """
    tensors, names = x.tensors, x.explained
    settings = groups if isinstance(groups, tuple) else (groups,) * len(names)
    if len(settings) != len(names):
        raise BadSetting(
            Text(
                f"groups: {len(settings)} groupings for {len(names)} explained inputs",
                f"groups：被解释的输入有 {len(names)} 个，分组却有 {len(settings)} 个",
            ),
            nearest=quoted(names),
        )
    found = {
        name: parts(Explained(name, tensors[name], x.base.get(name), x.is_discrete), one)
        for name, one in zip(names, settings, strict=True)
    }
    words: list[tuple[str, ...]] = [() for _ in range(x.size)]
    by_input: dict[str, Tensor] = {}
    for name, one in found.items():
        starts = torch.tensor([len(row) for row in words], device=one.labels.device)
        shaped = starts.reshape(-1, *[1] * (one.labels.ndim - 1))
        by_input[name] = torch.where(one.labels < 0, one.labels, one.labels + shaped)
        words = [(*row, *more) for row, more in zip(words, one.names, strict=True)]
    return Groups(by_input, tuple(words), {name: one.kind for name, one in found.items()})
