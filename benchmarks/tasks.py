"""The questions, what each engine is asked, and how fast ours has to be.

A question is answered by one function per engine, `function(home: Path) -> dict`, in a module per family
of engines. Answers under the same key must be the same numbers, whoever gives them.
"""

from __future__ import annotations

STEPS = ("visit", "view", "cart", "checkout", "purchase")
WINDOW_DAYS = 7
ACTIVITY = ("visit", "purchase")  # retention
START, OUTCOME = "visit", "purchase"  # time to event
BEFORE, AFTER = "purchase", "visit"  # what happened before an answer, and after it
ZONE, LAST_MONTH = "Europe/Paris", "2025-03"  # the month of the cut-off is not complete

SCAN = "scan of the file"
STORE_SCAN = "scan of the store"
OURS = "cjlib"
MODULES = {
    SCAN: "floor", STORE_SCAN: "floor", OURS: "ours", "DuckDB": "duck", "chdb": "clickhouse", "polars": "frames",
    "pandas": "arrays",
}  # fmt: skip
QUESTIONS = {
    "floor": (SCAN, STORE_SCAN),
    "funnel": (OURS, "chdb", "DuckDB", "polars", "pandas"),
    "retention": (OURS, "chdb", "DuckDB", "polars", "pandas"),
    "time_to_event": (OURS, "chdb", "DuckDB", "polars", "pandas"),
    "as_of": (OURS, "chdb", "DuckDB", "polars", "pandas"),
    "store": (OURS, "DuckDB"),
}
TITLES = {
    "floor": "Four-column scan",
    "funnel": "Funnel of 5 steps within 7 days, best chain; by channel, step medians (chdb: bare counts)",
    "retention": "Retention: customers active per month of first activity and month",
    "time_to_event": "Count table of whole days from the first visit to the purchase, by channel",
    "as_of": "Every survey answer with the first purchase before it and the first visit after it",
    "store": "The ordered store from the raw file, within 2 GB (DuckDB: only sorted and written)",
}
# question: (what it is measured against, greatest ratio of the medians, greatest peak memory in MB)
GOALS = {
    "funnel": ("chdb", 1.0, 600),
    "retention": (SCAN, 3.0, None),
    "time_to_event": (SCAN, 3.0, None),
    "as_of": (SCAN, 4.0, None),
    "store": (SCAN, 12.0, 2000),
}
