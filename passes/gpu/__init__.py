"""The passes that take programs on memory to kernels of a GPU."""
