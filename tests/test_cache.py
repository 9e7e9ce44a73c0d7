"""The disk cache: what is stored comes back whole, damage heals, no folder is fatal."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tensorcore import cache
from tensorcore.cache import Cache, key_of

KEY = key_of("a test")
PAYLOAD = bytes(range(256)) * 40


@pytest.fixture
def store(tmp_path: Path) -> Cache:
    found = cache.open_folder(str(tmp_path / "cache"))
    found.store(KEY, PAYLOAD, {"what": "a test"})
    return found


def entry(store: Cache) -> Path:
    assert store.folder is not None
    return store.folder / f"{KEY}.entry"


def test_what_is_stored_comes_back(store: Cache) -> None:
    assert store.lookup(KEY) == PAYLOAD
    assert store.header(KEY) == {"what": "a test"}
    assert store.lookup(key_of("another")) is None
    store.discard(KEY)
    assert store.lookup(KEY) is None


def test_folder_and_entries_are_private(store: Cache) -> None:
    assert store.folder is not None
    assert store.folder.stat().st_mode & 0o777 == 0o700
    assert entry(store).stat().st_mode & 0o777 == 0o600
    assert [p.name for p in store.folder.iterdir()] == [entry(store).name]


def test_keys_tell_parts_apart() -> None:
    keys = {key_of("ab", "c"), key_of("a", "bc"), key_of("abc"), key_of("ab", "c", "")}
    assert len(keys) == 4
    assert key_of("x") == key_of(b"x")


def damaged(kind: str, data: bytes) -> bytes:
    middle = len(data) // 2
    return {
        "empty": b"",
        "cut in the prefix": data[:20],
        "cut in half": data[:middle],
        "one byte short": data[:-1],
        "one bit flipped": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
        "header flipped": data[:60] + bytes([data[60] ^ 0x20]) + data[61:],
        "zeroed": bytes(len(data)),
        "tail zeroed": data[:middle] + bytes(len(data) - middle),
        "extended": data + b"x",
        "other magic": b"OTHERTHG" + data[8:],
        "other format": data[:8] + b"\xff\xff\xff\xff" + data[12:],
        "pickle": b"cposix\nsystem\n(S'exit 1'\ntR.",
    }[kind]


KINDS = (
    "empty", "cut in the prefix", "cut in half", "one byte short", "one bit flipped",
    "header flipped", "zeroed", "tail zeroed", "extended", "other magic", "other format",
    "pickle",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_seen_told_once_and_healed(
    store: Cache, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = entry(store)
    path.write_bytes(damaged(kind, path.read_bytes()))
    assert store.lookup(KEY) is None
    assert len(caplog.records) == 1
    assert "\n" not in caplog.records[0].getMessage()
    assert not path.exists()
    store.store(KEY, PAYLOAD)
    assert store.lookup(KEY) == PAYLOAD
    assert len(caplog.records) == 1


def test_every_single_flipped_byte_is_seen(store: Cache) -> None:
    path = entry(store)
    whole = path.read_bytes()[:120]  # prefix, header, first bytes of the payload
    rest = path.read_bytes()[120:]
    logging.getLogger("tensorcore.cache").disabled = True
    try:
        for k in range(len(whole)):
            path.write_bytes(whole[:k] + bytes([whole[k] ^ 0xFF]) + whole[k + 1 :] + rest)
            os.chmod(path, 0o600)
            assert store.lookup(KEY) is None, k
    finally:
        logging.getLogger("tensorcore.cache").disabled = False


def test_entry_that_others_may_write_is_not_used(store: Cache) -> None:
    entry(store).chmod(0o666)
    assert store.lookup(KEY) is None


def test_entry_that_is_a_folder_harms_nobody(store: Cache) -> None:
    entry(store).unlink()
    entry(store).mkdir()
    assert store.lookup(KEY) is None
    store.store(KEY, PAYLOAD)


@pytest.mark.parametrize("kind", ["shared", "symlink", "file"])
def test_folder_that_cannot_be_trusted_is_replaced(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "folder"
    if kind == "shared":
        folder.mkdir()
        folder.chmod(0o777)
    elif kind == "symlink":
        (tmp_path / "real").mkdir(mode=0o700)
        folder.symlink_to(tmp_path / "real")
    else:
        folder.write_text("a file")
    found = cache.open_folder(str(folder))
    assert len(caplog.records) == 1
    assert found.folder != folder
    found.store(KEY, PAYLOAD)
    assert found.lookup(KEY) == (None if kind == "file" else PAYLOAD)
    if kind != "file":
        assert list(folder.iterdir()) == []


def test_no_folder_at_all() -> None:
    nowhere = Cache(None)
    nowhere.store(KEY, PAYLOAD)
    assert nowhere.lookup(KEY) is None
    assert nowhere.header(KEY) is None
    with nowhere.locked(KEY):
        nowhere.tidy()


def test_folder_that_vanishes_or_cannot_be_written_costs_one_line(
    store: Cache, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: str, data: bytes) -> None:
        Path(path).write_bytes(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "_write", full)
    other = key_of("other")
    store.store(other, PAYLOAD)
    store.store(other, PAYLOAD)
    assert len(caplog.records) == 1
    assert store.lookup(other) is None
    assert store.lookup(KEY) == PAYLOAD
    assert store.folder is not None
    assert [p.suffix for p in store.folder.iterdir()] == [".entry"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder_still_serves(store: Cache, caplog: pytest.LogCaptureFixture) -> None:
    assert store.folder is not None
    store.folder.chmod(0o500)
    try:
        assert store.lookup(KEY) == PAYLOAD
        store.store(key_of("other"), PAYLOAD)
        assert len(caplog.records) == 1
        with store.locked(key_of("other")):
            pass
    finally:
        store.folder.chmod(0o700)


def test_oldest_entries_and_leftovers_go(store: Cache) -> None:
    assert store.folder is not None
    keys = [key_of(str(k)) for k in range(4)]
    for age, key in enumerate(keys):
        store.store(key, PAYLOAD)
        past = time.time() - 1000 + age
        os.utime(store.folder / f"{key}.entry", (past, past))
    store.discard(KEY)
    old, new = store.folder / "a.partial", store.folder / "b.partial"
    old.write_text("")
    new.write_text("")
    os.utime(old, (0, 0))
    assert store.lookup(keys[0]) == PAYLOAD  # now the most recently used
    store.tidy(limit=int(2.5 * len(PAYLOAD)))
    assert [store.lookup(key) is not None for key in keys] == [True, False, False, True]
    assert not old.exists()
    assert new.exists()


def test_one_holder_at_a_time(store: Cache) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        for _ in range(10):
            with store.locked(KEY):
                inside.append(number)
                most.append(len(inside))
                time.sleep(0.0002)
                inside.remove(number)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(most) == 40
    assert store.folder is not None
    assert not list(store.folder.glob("*.lock"))


def test_lock_of_a_dead_process_is_free(store: Cache) -> None:
    code = (
        "import os, sys; from pathlib import Path; from tensorcore.cache import Cache\n"
        "lock = Cache(Path(sys.argv[1])).try_lock(sys.argv[2]); os._exit(9 if lock else 1)"
    )
    command = [sys.executable, "-c", code, str(store.folder), KEY]
    assert subprocess.run(command, check=False, timeout=60).returncode == 9
    lock = store.try_lock(KEY)
    assert lock is not None
    assert store.try_lock(KEY) is None
    start = time.monotonic()
    store.wait_lock(KEY, 0.05).release()  # gives up waiting, not working
    assert time.monotonic() - start < 5
    lock.release()
