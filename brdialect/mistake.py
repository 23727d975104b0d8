"""A user's mistake, in a file of its own: code that is compiled already runs without
xDSL, and reports mistakes too."""


class BrError(Exception):
    """A user's mistake: the message says what was expected, what was found, where and
    what to do. Command lines print it and exit with 1."""
