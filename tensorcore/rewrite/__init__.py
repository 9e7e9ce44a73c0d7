"""Graph to graph: rules as data, and the engine that applies them."""
