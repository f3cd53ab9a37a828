"""A fault in teleQ itself, for a worker to be started with: to see that the table tells. The claim reads the answers
without locking them, and takes a moment before it writes."""

import time
from collections.abc import Collection

from consent.models import ConsentQuerySet, JudgedAnswer, NumberKey

MOMENT = 0.5


def held(self: ConsentQuerySet, keys: Collection[NumberKey]) -> dict[NumberKey, JudgedAnswer]:
    read = self.judged(keys)
    time.sleep(MOMENT)
    return read


ConsentQuerySet.held = held  # type: ignore[method-assign]
