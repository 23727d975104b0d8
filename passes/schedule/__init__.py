"""How loops run, as data: default, tuned, by hand; and what follows at once,
padding and panels."""
