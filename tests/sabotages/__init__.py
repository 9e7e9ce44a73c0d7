"""Sabotages of the backends: each alters one expression, and a named test of the conformance
suite catches it. ``rows`` says what a row is, the other modules hold the tables and the tools."""
