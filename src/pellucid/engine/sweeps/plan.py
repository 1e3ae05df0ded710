"""What a sweep is going to do, frozen before it begins; one plan always gives the same bytes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from pellucid.core.errors import BadRequest
from pellucid.core.text import Text

MOST_IN_SHARD = 1024
FEWEST_SHARDS = 8


@dataclass(frozen=True, eq=False)
class Plan:
    """Which samples in which shards, and everything that the result depends on.

    Args:
        samples: in the data set, those included that turn out to be unreadable.
        shard: samples in a shard, the last one may have fewer; batches never cross a shard.
        facts: what the result depends on, plain values: data, model, reducers, places, batch size, versions.
    """

    samples: int
    shard: int
    facts: Mapping[str, Any]

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return -(-self.samples // self.shard)

    def range(self, shard: int) -> range:
        """The samples of a shard."""
        return range(shard * self.shard, min((shard + 1) * self.shard, self.samples))

    @cached_property
    def text(self) -> str:
        """The plan as it is written down."""
        return json.dumps({"samples": self.samples, "shard": self.shard, **self.facts}, sort_keys=True, indent=1)

    @property
    def id(self) -> str:
        """SHA-256 of the plan."""
        return sha256(self.text.encode()).hexdigest()

    def check(self, written: str, where: str) -> None:
        """Refuse to go on with another plan.

        Raises:
            BadRequest: with what differs.
        """
        if written == self.text:
            return
        try:
            other, mine = json.loads(written), json.loads(self.text)
            differs = [name for name in {**other, **mine} if other.get(name) != mine.get(name)]
        except (ValueError, TypeError, AttributeError):
            differs = ["the plan itself, which cannot be read"]
        named = ", ".join(sorted(differs)) or "the words of its plan"
        raise BadRequest(
            Text(
                f"the sweep in '{where}' is another one: {named} differ",
                f"'{where}' 中的遍历与此不同，不一致的是：{named}",
            ),
            hint=Text(
                "resume with the same model, data and settings, or choose another folder",
                "请以相同的模型、数据与设置继续，或换一个文件夹",
            ),
        )


def shard_size(samples: int, batch_size: int) -> int:
    """Whole batches, at most about a thousand samples, and few enough that an interrupt loses little."""
    wanted = min(MOST_IN_SHARD, max(1, -(-samples // FEWEST_SHARDS)))
    return -(-wanted // batch_size) * batch_size
