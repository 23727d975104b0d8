"""The parts of `convert-to-llvm` and of the LLVM IR text, one module per dialect."""
