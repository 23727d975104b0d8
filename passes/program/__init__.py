"""What is asked of a whole program: its target, its open sizes, its parts."""
