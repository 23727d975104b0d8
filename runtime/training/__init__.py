"""Training: a compiled step with its state, and a loop around it."""
