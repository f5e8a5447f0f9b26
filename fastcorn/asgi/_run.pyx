# SPDX-License-Identifier: MIT
"""Runs an application in a task for one exchange, whatever the exchange is.

`Cycle` is what HTTPCycle and cycles of other kinds have in common: a connection starts it, and it learns when a step of
the application has ended and how the application ended. `ApplicationRun` is the coroutine that the task drives.
"""

import asyncio
import collections.abc

cimport cython
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF

from fastcorn.asgi._context cimport Context


cdef extern from "Python.h":
    # 0 = returned, -1 = raised, 1 = yielded (PySendResult)
    int PyIter_Send(object iterator, object value, PyObject **result) except -1
    bint PyCoro_CheckExact(object value)
    object PyObject_Call(object callable, object arguments, object keywords)
    int PyContext_Enter(object context) except -1
    int PyContext_Exit(object context) except -1


# What ApplicationRun.step() returns when there is no next step.
cdef object RETURNED = object()

# asyncio's interface for those who drive tasks: they make a task the current one.
cdef object enter_task = asyncio.tasks._enter_task
cdef object leave_task = asyncio.tasks._leave_task


cdef class Cycle:
    """One exchange as its application sees it."""

    cdef int start(self) except -1:
        """Call the application and run it in a task; on Python 3.12+ its first step runs before this returns."""
        cdef Context context = self.context
        cdef ApplicationRun run
        context.request_started()
        try:
            coroutine = self.call_application(context.application)
            if not PyCoro_CheckExact(coroutine) and not hasattr(coroutine, "send"):
                coroutine = coroutine.__await__()
        except (Exception, SystemExit) as error:
            self.application_raised(error)
            return self.application_ended()
        run = ApplicationRun.__new__(ApplicationRun)
        run.cycle = self
        run.coroutine = coroutine
        task = PyObject_Call(context.task_class, (run,), context.task_options)
        if not self.finished:
            # asyncio keeps only weak references to tasks; the set keeps this one alive and lets a stop cancel it.
            self.task = task
            context.running.add(self)
        return 0

    cdef int application_ended(self) except -1:
        self.finished = True
        self.parked = None
        if self.task is not None:
            self.context.running.discard(self)
            self.task = None
        self.context.request_ended()
        return self.step_ended()

    cdef object call_application(self, object application):
        raise NotImplementedError

    cdef bint step_now(self) except -1:
        """Take the application's next step at once, in the name of its task. False = that is for the task to do.

        The task waits for `waiter` and does not notice, as long as the application comes to wait for it again. When
        it waits for something else, or ends, the waiter is done with and the task goes on from there in the next turn.
        """
        cdef ApplicationRun run = self.parked
        cdef object task = self.task
        cdef object waiter = self.waiter
        if run is None or task is None or self.running or waiter.done():
            return False
        if run.context is None:
            if not self.context.eager:      # Python 3.11: a task does not tell its context
                return False
            run.context = task.get_context()
        try:
            enter_task(self.context.loop, task)
        except RuntimeError:        # another task is running
            return False
        run.raised = None
        PyContext_Enter(run.context)
        try:
            run.yielded = run.advance(None, None)
        except BaseException as error:
            run.yielded = RETURNED
            run.raised = error
        finally:
            PyContext_Exit(run.context)
            leave_task(self.context.loop, task)
        if self.parked is run and run.yielded is waiter:
            run.yielded = None
            waiter._asyncio_future_blocking = False     # nobody but the task looks at it, and the task does not look
            return True
        run.handing_over = True
        self.parked = None
        if self.waiter is waiter:
            self.waiter = None
        if not waiter.done():
            waiter.set_result(None)
        return True

    def cancel(self):
        """Cancel the application's task, if it still runs."""
        if self.task is not None:
            self.task.cancel()

    cdef int step_ended(self) except -1:
        raise NotImplementedError

    cdef int application_returned(self) except -1:
        raise NotImplementedError

    cdef int application_raised(self, object error) except -1:
        raise NotImplementedError

    cdef int fail(self) except -1:
        raise NotImplementedError

    cdef int feed_disconnect(self) except -1:
        raise NotImplementedError

    cdef int feed_drain(self) except -1:
        return 0


@cython.final
@cython.freelist(64)
cdef class ApplicationRun:
    """The coroutine that a request's task drives: the application's own coroutine, watched.

    It tells the cycle when a step begins and ends, so that output is written once a step, and how the application
    ended, without a done-callback on the task. To inspect, asyncio's debug mode and anyio it looks like what it wraps.
    """
    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        yielded = self.step(None, None)
        if yielded is RETURNED:
            raise StopIteration     # compiled to `return NULL`: no exception is made
        return yielded

    def send(self, value):
        yielded = self.step(value, None)
        if yielded is RETURNED:
            raise StopIteration
        return yielded

    def throw(self, type, value=None, traceback=None):
        yielded = self.step(None, type if value is None else value)
        if yielded is RETURNED:
            raise StopIteration
        return yielded

    def close(self):
        coroutine, self.coroutine = self.coroutine, None
        if coroutine is not None and hasattr(coroutine, "close"):
            coroutine.close()

    cdef object step(self, object value, object error):
        """What the task asks for: the application's next suspension, or RETURNED."""
        if self.handing_over:
            return self.take_over(error)
        return self.advance(value, error)

    cdef object take_over(self, object error):
        """Go on with what a step has come to that the task did not drive; `error` cancels it."""
        yielded, self.yielded = self.yielded, None
        raised, self.raised = self.raised, None
        self.handing_over = False
        if raised is not None:
            raise raised
        if yielded is RETURNED or error is None:
            return yielded
        if hasattr(yielded, "cancel"):
            yielded.cancel()
        return self.advance(None, error)

    cdef object advance(self, object value, object error):
        """Run the application to its next suspension and return what it yields, or RETURNED."""
        cdef Cycle cycle = self.cycle
        cdef PyObject *result = NULL
        cdef bint suspended
        if self.coroutine is None:
            raise RuntimeError("the application has ended already")
        cycle.running = True
        cycle.step_bytes = 0
        cycle.parked = None
        try:
            if error is None:
                suspended = PyIter_Send(self.coroutine, value, &result) == 1
                # The reference that PyIter_Send gave us is now `yielded`'s.
                yielded = <object>result
                Py_DECREF(yielded)
            else:
                suspended, yielded = self.throw_in(error)
        except (Exception, SystemExit) as raised:   # sys.exit() in a request is a mistake: others are being served
            cycle.running = False
            self.coroutine = None
            cycle.application_raised(raised)
            cycle.application_ended()
            return RETURNED
        except BaseException:
            # Cancellation and KeyboardInterrupt: the task and the loop have to see them.
            cycle.running = False
            self.coroutine = None
            cycle.fail()
            cycle.application_ended()
            raise
        cycle.running = False
        if suspended:
            if cycle.waiter is not None and yielded is cycle.waiter:
                cycle.parked = self
            cycle.step_ended()
            return yielded
        self.coroutine = None
        cycle.application_returned()
        cycle.application_ended()
        return RETURNED

    cdef tuple throw_in(self, object error):
        try:
            return True, self.coroutine.throw(error)
        except StopIteration as stop:
            return False, stop.value

    @property
    def scope(self):
        return self.cycle.scope

    @property
    def __name__(self):
        return getattr(self.coroutine, "__name__", "application")

    @property
    def __qualname__(self):
        return getattr(self.coroutine, "__qualname__", "application")

    @property
    def cr_await(self):
        return getattr(self.coroutine, "cr_await", None)

    @property
    def cr_frame(self):
        return getattr(self.coroutine, "cr_frame", None)

    @property
    def cr_code(self):
        return getattr(self.coroutine, "cr_code", None)

    @property
    def cr_origin(self):
        return getattr(self.coroutine, "cr_origin", None)

    @property
    def cr_running(self):
        return self.cycle.running

    @property
    def cr_suspended(self):
        return self.coroutine is not None and not self.cycle.running


collections.abc.Coroutine.register(ApplicationRun)
