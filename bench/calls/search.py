"""The highest rate of calls that stays clean, by bisection on a ladder of rates."""

from __future__ import annotations

from dataclasses import dataclass


def ladder(lowest: int, highest: int, factor: float) -> tuple[int, ...]:
    """Rates from lowest to highest, each the factor above the one before.

    >>> ladder(10, 20, 1.25)
    (10, 12, 16, 20)
    """
    rates = [lowest]
    exact = float(lowest)
    while exact * factor <= highest * 1.001:
        exact *= factor
        rates.append(round(exact))
    return tuple(dict.fromkeys(rates))


@dataclass
class Bisection:
    """One search. `clean` is the highest step known clean, -1 for none; `bad` the lowest known not to be."""

    clean: int
    bad: int

    @property
    def over(self) -> bool:
        return self.bad - self.clean <= 1

    @property
    def step(self) -> int:
        """What to try next."""
        return (self.clean + self.bad) // 2

    def tell(self, clean: bool) -> None:
        """What came of trying `step`."""
        if clean:
            self.clean = self.step
        else:
            self.bad = self.step


def around(step: int, reach: int, steps: int) -> Bisection:
    """Search once more near a step that was found before."""
    return Bisection(max(-1, step - reach), min(steps, step + reach))
