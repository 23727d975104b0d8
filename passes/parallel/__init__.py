"""What threads share: sums in private copies, sweeps, loops of their own."""
