"""A machine whose clock is wrong, by libfaketime."""

from __future__ import annotations

from pathlib import Path

import libfaketime

LIBRARY = Path(libfaketime.__file__).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"


def another_clock(by: str) -> dict[str, str]:
    """The environment of a process whose clock differs by so many seconds, such as `+60`.

    The time of day only: how much time has passed is told by another clock, which nobody sets.
    """
    return {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME": by,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_NO_CACHE": "1",
    }
