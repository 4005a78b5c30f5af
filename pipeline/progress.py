"""How far a long step is: a bar on a terminal, a line now and then elsewhere (logs, parallel jobs)."""

from __future__ import annotations

import sys
import time

from tqdm import tqdm

from pipeline.processes import is_first

SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Counts ``total`` units of ``unit`` (images); shows loss terms, units/s and the time left on stderr, of several processes the first."""

    def __init__(self, label: str, total: int, *, done: int = 0, unit: str = "images") -> None:
        self.label, self.total, self.start_done, self.done, self.unit = label, total, done, done, unit
        self.started = self.last_line = time.monotonic()
        self.bar = (
            tqdm(total=total, initial=done, desc=label, unit=unit, unit_scale=True, leave=False, dynamic_ncols=True)
            if sys.stderr.isatty() and is_first()
            else None
        )

    def advance(self, count: int, note: str, terms: dict[str, float]) -> None:
        """``count`` more units are done; ``note`` says where ("epoch 3/12"), ``terms`` are the latest losses."""
        self.done += count
        losses = " ".join(f"{name} {value:.3f}" for name, value in terms.items())
        if self.bar is not None:
            self.bar.set_postfix_str(f"{note} {losses}", refresh=False)
            self.bar.update(count)
        elif is_first() and time.monotonic() - self.last_line >= SECONDS_BETWEEN_LINES:
            self._line(f"{note} | {losses}")

    def close(self) -> None:
        """Ends the bar; leaves one line that says how fast it went."""
        if self.bar is not None:
            self.bar.close()
        if is_first():
            self._line("done")

    def _line(self, text: str) -> None:
        self.last_line = time.monotonic()
        elapsed = self.last_line - self.started
        rate = (self.done - self.start_done) / max(elapsed, 1e-9)
        left = tqdm.format_interval((self.total - self.done) / rate) if rate > 0 else "?"
        took = (
            f"{tqdm.format_interval(elapsed)} | {left} left"
            if self.done < self.total
            else tqdm.format_interval(elapsed)
        )
        print(f"{self.label} | {text} | {rate:,.0f} {self.unit}/s | {took}", file=sys.stderr, flush=True)
