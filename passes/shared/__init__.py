"""What several parts of the pipeline use: builders, what a linalg op is, what is
known at load time, scalar code as vector code."""
