"""The figures: each module draws one, from datasets, and returns it."""
