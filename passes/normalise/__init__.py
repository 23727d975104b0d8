"""One form for every operation: linalg.generic, and br.contract for products."""
