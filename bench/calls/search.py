"""The highest rate of calls that stays clean, by bisection on a ladder of rates."""

from __future__ import annotations

from dataclasses import dataclass, field


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
    """One search among `steps` rates.

    `clean` is the highest step taken for clean, -1 for none; `bad` the lowest taken for not clean, `steps`
    for none. Either may be a guess at first: one that was never tried moves on by `reach` before it counts.
    """

    steps: int
    clean: int
    bad: int
    reach: int
    tried: set[int] = field(default_factory=set)

    @property
    def over(self) -> bool:
        return self.bad - self.clean <= 1

    @property
    def step(self) -> int:
        """What to try next."""
        return (self.clean + self.bad) // 2

    def tell(self, clean: bool) -> None:
        """What came of trying `step`."""
        self.tried.add(self.step)
        if clean:
            self.clean = self.step
        else:
            self.bad = self.step
        if self.over and self.clean not in self.tried:
            self.clean = max(-1, self.clean - self.reach)
        if self.over and self.bad not in self.tried:
            self.bad = min(self.steps, self.bad + self.reach)


def whole(steps: int) -> Bisection:
    """Search all rates."""
    return Bisection(steps, -1, steps, steps)


def around(step: int, reach: int, steps: int) -> Bisection:
    """Search once more near a step that was found before.

    >>> search = around(5, 2, 20)
    >>> while not search.over:
    ...     search.tell(clean=search.step <= 1)
    >>> search.clean
    1
    """
    return Bisection(steps, max(-1, step - reach), min(steps, step + reach), reach)
