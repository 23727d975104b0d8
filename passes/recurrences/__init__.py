"""Recognising recurrences: what `raise-recurrences` is made of."""
