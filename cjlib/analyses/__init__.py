"""One module per question: check, compute, build a Result."""
