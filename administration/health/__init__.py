"""Health: whether the product's parts answer, when each process was last heard of, what is wrong, and metrics."""
