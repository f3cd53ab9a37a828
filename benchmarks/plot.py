"""Charts of a benchmark's figures as one SVG file, and a progress bar while it runs.

    write("gateway", Bars("Messages a second", {"the gateway": 9120, "a task per message": 301}))

makes docs/performance-gateway.svg, the charts below one another. Nothing but the standard library.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
WIDTH, LABELS, MARGIN = 720, 230, 24
BAR, GAP, HEADING = 18, 10, 44
LINES_HEIGHT = 180
COLOURS = ("#00628b", "#b3541e", "#3f7d3a", "#7a4b94", "#5c6770")
INK, PALE = "#1d2730", "#d5dce1"


@dataclass(frozen=True)
class Bars:
    """A bar for each value. The axis begins at 0."""

    title: str
    values: Mapping[str, float]
    unit: str = ""

    @property
    def height(self) -> int:
        return HEADING + len(self.values) * (BAR + GAP)

    def draw(self) -> str:
        most = max(self.values.values()) or 1
        room = WIDTH - LABELS - 2 * MARGIN - 90
        parts = [_heading(self.title)]
        for row, (label, value) in enumerate(self.values.items()):
            y, length = HEADING + row * (BAR + GAP), room * value / most
            parts += [
                _text(LABELS + MARGIN - 8, y + 13, label, anchor="end"),
                f'<rect x="{LABELS + MARGIN}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{COLOURS[0]}"/>',
                _text(LABELS + MARGIN + length + 8, y + 13, f"{number(value)} {self.unit}"),
            ]
        return "\n".join(parts)


@dataclass(frozen=True)
class Lines:
    """A line for each series, all over the same evenly spaced points. The axis begins at 0."""

    title: str
    points: Sequence[str]
    series: Mapping[str, Sequence[float]]
    unit: str = ""

    @property
    def height(self) -> int:
        return HEADING + LINES_HEIGHT + 30

    def draw(self) -> str:
        most = max(value for values in self.series.values() for value in values) or 1
        left, right, bottom = MARGIN + 70, WIDTH - MARGIN - 190, HEADING + LINES_HEIGHT
        step = (right - left) / max(len(self.points) - 1, 1)
        parts = [_heading(self.title)]
        for share in (0, 0.5, 1):
            y = bottom - share * LINES_HEIGHT
            parts.append(f'<line x1="{left}" x2="{right}" y1="{y}" y2="{y}" stroke="{PALE}"/>')
            parts.append(_text(left - 8, y + 4, f"{number(share * most)} {self.unit}", anchor="end"))
        every = -(-len(self.points) // 10)  # ten labels fit
        for place, label in list(enumerate(self.points))[::every]:
            parts.append(_text(left + place * step, bottom + 20, label, anchor="middle"))
        ends: list[float] = []
        for (name, values), colour in zip(self.series.items(), COLOURS, strict=False):
            dots = [(left + place * step, bottom - value / most * LINES_HEIGHT) for place, value in enumerate(values)]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
            parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in dots]
            end = dots[-1][1]
            while any(abs(end - other) < 15 for other in ends):  # names never on top of one another
                end -= 15
            ends.append(end)
            parts.append(_text(right + 12, end + 4, name, colour=colour))
        return "\n".join(parts)


def write(name: str, *charts: Bars | Lines) -> Path:
    """Write docs/performance-<name>.svg and return its path."""
    body, y = [], 0
    for chart in charts:
        body.append(f'<g transform="translate(0 {y})">\n{chart.draw()}\n</g>')
        y += chart.height + GAP
    titles = escape("; ".join(chart.title for chart in charts))
    path = DOCS / f"performance-{name}.svg"
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + GAP}" role="img" aria-label="{titles}"'
        f' font-family="system-ui, sans-serif" font-size="13" fill="{INK}">\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(body) + "\n</svg>\n",
        encoding="utf-8",
    )
    return path


def number(value: float) -> str:
    """A number with three significant digits: 9,120; 301; 12.4; 0.91."""
    digits = 0 if abs(value) >= 100 or value == 0 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def _heading(title: str) -> str:
    return f'<text x="{MARGIN}" y="28" font-size="15" font-weight="600">{escape(title)}</text>'


def _text(x: float, y: float, text: str, anchor: str = "start", colour: str = INK) -> str:
    words = escape(text.rstrip())
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'


class Progress:
    """A bar on stderr: how many of the steps are done, what is under way, and how long it has taken.

    Where stderr is no terminal, a line for each step.
    """

    def __init__(self, steps: int) -> None:
        self.steps, self.done, self.start = steps, -1, time.monotonic()
        self.terminal = sys.stderr.isatty()

    def step(self, what: str) -> None:
        """Say that the step before is done and this one begins."""
        self.done += 1
        self._show(what)

    def finish(self) -> None:
        self.done = self.steps
        self._show("done")
        if self.terminal:
            sys.stderr.write("\n")

    def _show(self, what: str) -> None:
        full = 30 * self.done // self.steps
        seconds = time.monotonic() - self.start
        line = f"[{'#' * full}{'.' * (30 - full)}] {self.done}/{self.steps} {seconds:4.0f} s  {what}"
        sys.stderr.write(f"\r\033[K{line}" if self.terminal else f"{line}\n")
        sys.stderr.flush()
