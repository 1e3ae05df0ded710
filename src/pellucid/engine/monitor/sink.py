"""Where measurements go: memory at once, the folder from a thread of its own, so that no disk holds up the training."""

import threading
from collections import deque
from dataclasses import replace
from typing import Any

import numpy as np

from pellucid.core.text import Text
from pellucid.engine.monitor.chunk import pack
from pellucid.engine.monitor.guard import warn
from pellucid.engine.monitor.history import History
from pellucid.engine.monitor.log import Log
from pellucid.engine.monitor.sample import Item, Logged, Sample, Told

SECONDS, FIRST, WAITING = 5.0, 0.5, 4096


class Sink:
    """Takes items in the order in which they come; the thread looks for them from time to time, none of them wakes it.

    Args:
        history: the record in memory.
        log: the folder's part, or None.
        kind: float type of stored numbers.

    `dropped` counts samples that the disk was too slow for; what is told and born is never dropped. `error` is why the
    folder cannot be written: the run goes on in memory, and says so.
    """

    def __init__(self, history: History, log: Log | None = None, kind: type[Any] = np.float32) -> None:
        self.history, self.log, self.kind = history, log, kind
        self.dropped, self.error = 0, ""
        self._held: deque[Item] = deque()
        self._over = threading.Event()
        self._thread = None if log is None else threading.Thread(target=self._write, name="pellucid-run", daemon=True)
        if self._thread is not None:
            self._thread.start()

    def put(self, item: Item) -> None:
        """Remember, and write soon; memory holds the very numbers that the folder does."""
        if isinstance(item, Sample):
            item = replace(item, columns={name: column.astype(self.kind) for name, column in item.columns.items()})
        self.history.add((item,))
        if self._thread is None or self.error:
            return
        if isinstance(item, Sample) and len(self._held) > WAITING:
            self.dropped += 1
            return
        self._held.append(item)

    def close(self, state: str, seconds: float = 10.0) -> None:
        """Write everything that is left, and how the run ended; waits at most so long."""
        if self.dropped:
            en, zh = f"{self.dropped} samples were dropped: slow disk.", f"磁盘过慢，丢弃了 {self.dropped} 个样本。"
            self.put(Told(note=(en, zh)))
        self.put(Told(state=state))
        if self._thread is not None:
            self._over.set()
            self._thread.join(seconds)
            self._thread = None

    def _write(self) -> None:
        wait = FIRST
        while not self._over.wait(wait):
            self._flush()
            wait = SECONDS
        self._flush()
        if self.log is not None:
            self.log.close()

    def _flush(self) -> None:
        held = [self._held.popleft() for _ in range(len(self._held))]
        try:
            if held and self.log is not None and not self.error:
                self.log.append(pack(held, self.kind))
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}"
            self._give_up(next((one.step for one in held if isinstance(one, Sample | Logged)), self.history.last))

    def _give_up(self, step: int) -> None:
        folder = "" if self.log is None else self.log.folder
        words = Text(
            f"Nothing was written into '{folder}' from step {step} on ({self.error}); the run went on in memory.",
            f"自第 {step} 步起无法写入“{folder}”（{self.error}），此后的记录只保存在内存中。",
        )
        self.history.notes.append(words)
        warn(f"pellucid: {words.en}")
        if self.log is not None:
            self.log.give_up(self.error)
