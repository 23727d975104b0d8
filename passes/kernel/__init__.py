"""The micro-kernel of the one op."""
