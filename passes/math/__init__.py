"""Functions of the math dialect as arithmetic."""
