"""Faults of the machine, and what each must leave whole."""
