"""Repairs of the pinned xDSL, one module for each dialect. See `xdsl_repairs`."""
