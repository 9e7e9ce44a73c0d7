"""Measurements of tensorcore, with the target beside each figure: ``make bench``."""
