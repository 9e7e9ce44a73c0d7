"""Wrong uses of the public functions, and the words that each error must hold."""
