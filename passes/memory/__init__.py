"""From tensors to memory: what is computed once, the arena, functions of nests."""
