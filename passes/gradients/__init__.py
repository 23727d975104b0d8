"""How each operation carries gradients backward: the rules of `differentiate`."""
