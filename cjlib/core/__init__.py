"""Words that mean one thing: errors, results, the small-group gate, text, numbers."""
