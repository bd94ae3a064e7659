"""Rating with a large deck: one JSON line with its import, and the median and 99th
percentile of a look-up and of a charge.

python bench/bench_rating.py --prefixes 100000
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from orchestrator.billing.rating import compile_deck, compile_tariff, rate
from orchestrator.definitions.deck_import import import_deck
from orchestrator.model.call import ChargeKey, Systemname, Usage
from orchestrator.model.tariff import Deck, Prices, Rate, Tariff, VatRate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prefixes", type=int, default=100_000)
    parser.add_argument("--numbers", type=int, default=100_000)
    given = parser.parse_args()
    dice = random.Random(7)
    deck = _deck(dice, given.prefixes)
    began = time.perf_counter()
    compiled = compile_deck(deck)
    compile_s = time.perf_counter() - began
    tariff = compile_tariff(
        Tariff("m", (Prices("1"),), {}, "RUB", 7, 2, {}, deck, (VatRate(date(2026, 1, 1), Decimal(22)),))
    )
    usages = _usages(dice, deck, given.numbers)
    day = date(2026, 9, 22)
    look_up = _timed(usages, lambda usage: compiled.rate_of(usage.to_number, day))
    charge = _timed(usages, lambda usage: rate(usage, tariff, UTC))
    import_s = _import_s(deck)
    print(
        json.dumps(
            {
                "bench": "rating",
                "prefixes": len(compiled.by_prefix),
                "numbers": len({usage.to_number for usage in usages}),
                "import_s": round(import_s, 3),
                "compile_s": round(compile_s, 3),
                "look_up_us": look_up,
                "charge_us": charge,
            }
        )
    )


def _import_s(deck: Deck) -> float:
    """How long it takes to bring the deck in from a CSV file."""
    with tempfile.TemporaryDirectory(prefix="vpbx-bench-") as directory:
        prices = Path(directory) / "prices.csv"
        rows = (f"{rate.prefix},{rate.destination},{rate.price},{rate.starts_on}\n" for rate in deck.rates)
        prices.write_text(f"prefix,destination,price,starts_on\n{''.join(rows)}", "utf-8")
        began = time.perf_counter()
        import_deck(prices, Path(directory) / "decks" / "bench.csv", replace=False)
        return time.perf_counter() - began


def _deck(dice: random.Random, prefixes: int) -> Deck:
    """Prefixes of one to ten digits, each number its own; one of one digit for all."""
    found = {str(first) for first in range(1, 10)}
    while len(found) < prefixes:
        found.add(str(dice.randrange(1, 10)) + "".join(dice.choices("0123456789", k=dice.randrange(2, 10))))
    begin = date(2026, 1, 1)
    return Deck(
        "bench",
        "1",
        tuple(
            Rate(prefix, "somewhere", Decimal(dice.randrange(100, 9000)) / 100, begin)
            for prefix in sorted(found)
        ),
    )


def _usages(dice: random.Random, deck: Deck, count: int) -> list[Usage]:
    """Calls to so many numbers, no two alike."""
    numbers: dict[str, None] = {}
    while len(numbers) < count:
        digits = dice.choice(deck.rates).prefix
        numbers["+" + digits + "".join(dice.choices("0123456789", k=max(0, 12 - len(digits))))] = None
    return [_usage(dice, number, to_number) for number, to_number in enumerate(numbers)]


def _usage(dice: random.Random, number: int, to_number: str) -> Usage:
    answer = datetime(2026, 9, 22, 9, 0, tzinfo=UTC)
    key = ChargeKey(Systemname("s1"), f"s1-1.{number}", "call")
    end = answer + timedelta(seconds=dice.randrange(1, 900))
    return Usage(key, "acme", "s1-1.0", "out", "+74951110000", to_number, answer, end)


def _timed(usages: list[Usage], work: Callable[[Usage], object]) -> dict[str, float]:
    """Median and 99th percentile in microseconds; every number is looked up once, so nothing is cached."""
    times = []
    for usage in usages:
        began = time.perf_counter_ns()
        work(usage)
        times.append((time.perf_counter_ns() - began) / 1000)
    times.sort()
    return {"p50": round(statistics.median(times), 2), "p99": round(times[len(times) * 99 // 100], 2)}


if __name__ == "__main__":
    main()
