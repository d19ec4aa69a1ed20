"""Event log, answers and customers on one clock; the engine; step matching."""
