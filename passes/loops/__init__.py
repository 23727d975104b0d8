"""From operations on memory to loops: around the one op, and of vector code."""
