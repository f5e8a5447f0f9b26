# SPDX-License-Identifier: MIT
# The awaitables that receive() and send() return. Each is its own iterator and has the methods of a coroutine, so that
# it works in `await`, create_task(), ensure_future() and wait_for().


cdef class Finished:
    pass


cdef class Wait:
    cdef object future      # an asyncio Future
    cdef bint yielded


cdef class Yield:
    cdef bint yielded


cdef object new_wait(object future)
cdef object new_yield()

cdef Finished FINISHED
