# SPDX-License-Identifier: MIT
"""Log files that are moved away, removed, or cannot be opened anew: no line is lost."""

from __future__ import annotations

import logging
import logging.handlers
import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from fastcorn.config import Config
from fastcorn.observability.files import LogFile, handlers_of, reopen_files

needs_renames = pytest.mark.skipif(os.name == "nt", reason="Windows moves no open file")


@contextmanager
def logging_to(handler: logging.Handler) -> Iterator[logging.Logger]:
    logger = logging.Logger("test")
    logger.addHandler(handler)
    with closing(handler):
        yield logger


def descriptor_of(handler: logging.FileHandler) -> int:
    assert handler.stream is not None
    return handler.stream.fileno()


def refuse(path: object, flags: int, mode: int = 0o777) -> int:
    raise PermissionError(13, "Permission denied")


@needs_renames
@pytest.mark.parametrize("way", ["by itself", "when asked"])
def test_file_that_was_moved_away(tmp_path: Path, way: str) -> None:
    path, old = tmp_path / "error.log", tmp_path / "error.log.1"
    handler = LogFile(str(path))
    with logging_to(handler) as logger:
        descriptor = descriptor_of(handler)
        logger.error("one")
        path.rename(old)
        if way == "when asked":
            assert reopen_files([logger]) == []
            assert path.read_text() == ""
        logger.error("two")
        logger.error("three")
        assert descriptor_of(handler) == descriptor
        assert not os.get_inheritable(descriptor)
    assert old.read_text() == "one\n"
    assert path.read_text() == "two\nthree\n"


@needs_renames
def test_file_that_was_removed(tmp_path: Path) -> None:
    path = tmp_path / "error.log"
    with logging_to(LogFile(str(path))) as logger:
        path.unlink()
        logger.error("two")
    assert path.read_text() == "two\n"


def test_reopening_the_same_file_appends(tmp_path: Path) -> None:
    path = tmp_path / "error.log"
    with logging_to(LogFile(str(path))) as logger:
        logger.error("one")
        assert reopen_files([logger]) == []
        logger.error("two")
    assert path.read_text() == "one\ntwo\n"


@needs_renames
def test_new_file_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, old = tmp_path / "error.log", tmp_path / "error.log.1"
    with logging_to(LogFile(str(path))) as logger:
        path.rename(old)
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", refuse)
            logger.error("one")
            logger.error("two")
            problems = reopen_files([logger])
        assert problems == [f"cannot reopen {str(path)!r}: Permission denied; the old file is written on"]
        told, *lines = old.read_text().splitlines()
        assert told == f"cannot reopen {str(path)!r}: Permission denied; this file is written on"
        assert lines == ["one", "two"]
        logger.error("three")
    assert path.read_text() == "three\n"


@needs_renames
def test_lines_of_many_threads_during_rotations(tmp_path: Path) -> None:
    path, count = tmp_path / "access.log", 500
    with logging_to(LogFile(str(path))) as logger:

        def write(name: str) -> None:
            for number in range(count):
                logger.error("%s %d", name, number)

        threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for number in range(50):
            path.rename(tmp_path / f"access.log.{number}")
            reopen_files([logger])
        for thread in threads:
            thread.join()
    lines = [line for file in tmp_path.iterdir() for line in file.read_text().splitlines()]
    assert sorted(lines) == sorted(f"{name} {number}" for name in "abcd" for number in range(count))


@needs_renames
@pytest.mark.parametrize(
    "kind", [logging.FileHandler, logging.handlers.WatchedFileHandler, logging.handlers.RotatingFileHandler]
)
@pytest.mark.parametrize("mode", ["a", "w"])
def test_handlers_of_the_standard_library(kind: type[logging.FileHandler], mode: str, tmp_path: Path) -> None:
    path, old = tmp_path / "error.log", tmp_path / "error.log.1"
    handler = kind(str(path), mode, encoding="utf-8")
    with logging_to(handler) as logger:
        descriptor = descriptor_of(handler)
        logger.error("one")
        assert reopen_files([logger]) == []
        assert path.read_text() == "one\n"
        path.rename(old)
        assert reopen_files([logger]) == []
        logger.error("two")
        assert descriptor_of(handler) == descriptor
    assert old.read_text() == "one\n"
    assert path.read_text() == "two\n"


def test_file_that_is_not_open_yet(tmp_path: Path) -> None:
    with logging_to(logging.FileHandler(str(tmp_path / "late.log"), delay=True)) as logger:
        assert reopen_files([logger]) == []
        assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_is_left_as_it_is(tmp_path: Path) -> None:
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with logging_to(LogFile(path)) as logger:
            os.unlink(path)
            assert reopen_files([logger]) == []
            logger.error("one")
        assert os.read(reader, 100) == b"one\n"
    finally:
        os.close(reader)


def test_handlers_above_a_logger_get_its_records_too() -> None:
    above, below = logging.Logger("above"), logging.Logger("below")
    one, other = logging.NullHandler(), logging.NullHandler()
    above.addHandler(one)
    below.addHandler(other)
    below.parent = above
    assert handlers_of([below, above]) == [other, one]
    below.propagate = False
    assert handlers_of([below]) == [other]


@needs_renames
def test_logger_reopens_both_logs_and_logs_what_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    access, error = tmp_path / "access.log", tmp_path / "error.log"
    log = Config(accesslog=str(access), errorlog=str(error)).log
    try:
        log.access_logger.info("one")
        access.rename(tmp_path / "access.log.1")
        log.reopen()
        log.access_logger.info("two")
        assert access.read_text().count("\n") == 1
        monkeypatch.setattr(os, "open", refuse)
        log.reopen()
        assert error.read_text().count("cannot reopen") == 2
    finally:
        for handler in handlers_of([log.access_logger, log.error_logger]):
            handler.close()
