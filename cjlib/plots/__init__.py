"""Tables in, Axes out: one module per figure, one look, nothing cut off."""
