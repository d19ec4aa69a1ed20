"""Seeded simulator with known truth, and the demo data made by it."""
