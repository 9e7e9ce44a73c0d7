"""Programs on devices that have a queue and memory of their own: what their backends share.

A backend brings a ``Device`` (``machine.py``); everything that happens between the steps of a
Program is here: sizes, buffers, launches, loops and branches.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from .. import config

Device = TypeVar("Device")


class OnDevice(Generic[Device]):
    """A backend for one of several devices: which one the words of a spec, or the option
    ``<name>.device``, mean. It is opened when it is first needed."""

    name: str

    def __init__(self, device: str = "") -> None:
        self._words = device
        #: By the words that chose them.
        self._devices: dict[str, Device] = {}

    def opened(self, words: str) -> Device:
        """The device that is meant. Raises BackendUnavailable."""
        raise NotImplementedError(f"{type(self).__name__} opens no devices")

    def chosen(self) -> str:
        """The words that say which one."""
        return self._words or str(config.get(f"{self.name}.device"))

    @property
    def device(self) -> Device:
        """The device. Raises BackendUnavailable."""
        words = self.chosen()
        if words not in self._devices:
            self._devices[words] = self.opened(words)
        return self._devices[words]
