"""How dates and times are written where Django writes them by itself, where that is not as `teleq.swedish` does."""
