"""Recurrent layers: to loops over time, forward and back."""
