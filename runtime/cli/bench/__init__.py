"""`br-bench`: the compiler's speed side by side with that of other libraries."""
