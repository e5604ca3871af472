"""What the contenders of the nstore section hold and look for: people, whom they know, and where they live."""

from __future__ import annotations

PEOPLE, CITIES, COUNTRIES, ATTRIBUTES = 400, 50, 7, 50

KNOWS = [
    (f"person{one}", "knows", f"person{(one * 7 + step * 31) % PEOPLE}")
    for one in range(PEOPLE)
    for step in (1, 2, 3)
]
LIVES = [(f"person{one}", "city", f"city{one * 13 % CITIES}") for one in range(PEOPLE)]
LIES = [(f"city{one}", "country", f"country{one % COUNTRIES}") for one in range(CITIES)]
SAYS = [
    (f"person{one}", f"attribute{number}", f"value {one * number}")
    for one in range(PEOPLE)
    for number in range(ATTRIBUTES)
]
TRIPLES = [*KNOWS, *LIVES, *LIES, *SAYS]
ROWS = len(TRIPLES)
JOINED = len(KNOWS)
"""Who knows whom, living in which city, of which country."""

MORE = [(f"subject{one}", f"predicate{one % 10}", f"object {one}") for one in range(10_000)]
TRANSACTION = 500
"""Triples that one transaction adds."""
