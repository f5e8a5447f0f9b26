# SPDX-License-Identifier: MIT
"""Awaitables without a frame: what `send()` returns when it is done, must wait, or lets other tasks run.

HTTPCycle makes them. asyncio drives a coroutine by `__next__` (send(None)) and `throw`; a compiled object with these
methods costs a fifth of an `async def`, and is registered as a coroutine so that create_task() takes it.
"""

import collections.abc

cimport cython


@cython.final
cdef class Finished:
    """An awaitable that has finished; one instance serves all."""

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        raise StopIteration

    def send(self, value):
        raise StopIteration

    def throw(self, type, value=None, traceback=None):
        raise_thrown(type, value)

    def close(self):
        pass


@cython.final
@cython.freelist(16)
cdef class Wait:
    """Waits until a future is done; what the future holds does not matter."""

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        if self.yielded or self.future.done():
            self.future = None
            raise StopIteration
        self.yielded = True
        # The protocol between Task and Future: a yielded future says so by this flag.
        self.future._asyncio_future_blocking = True
        return self.future

    def send(self, value):
        return next(self)

    def throw(self, type, value=None, traceback=None):
        self.future = None
        raise_thrown(type, value)

    def close(self):
        self.future = None


@cython.final
@cython.freelist(16)
cdef class Yield:
    """Lets the other tasks of the loop run once, like asyncio.sleep(0)."""

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        if self.yielded:
            raise StopIteration
        self.yielded = True
        return None

    def send(self, value):
        return next(self)

    def throw(self, type, value=None, traceback=None):
        raise_thrown(type, value)

    def close(self):
        pass


cdef object new_wait(object future):
    cdef Wait wait = Wait.__new__(Wait)
    wait.future = future
    return wait


cdef object new_yield():
    return Yield.__new__(Yield)


def raise_thrown(type, value=None):
    """Raise what was passed to a coroutine's `throw()`, in its one-argument or its older form."""
    if value is not None:
        raise value
    raise type


FINISHED = Finished()

for _awaitable in (Finished, Wait, Yield):
    collections.abc.Coroutine.register(_awaitable)
