"""From a `Comparison` to what is seen and taken away."""
