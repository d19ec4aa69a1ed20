"""How fast cjlib's analyses are, beside hand-written SQL and other engines; see README.md."""
