"""Searches schedules by measured time; the command `br-tune` is its face."""
