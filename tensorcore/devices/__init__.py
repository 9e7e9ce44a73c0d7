"""Programs on devices that have a queue and memory of their own: what their backends share.

A backend brings a ``Device`` (``machine.py``); everything that happens between the steps of a
Program is here: sizes, buffers, launches, loops and branches.
"""
