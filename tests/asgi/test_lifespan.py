# SPDX-License-Identifier: MIT
"""The lifespan of an application: lines L1 to L8 of the ASGI checklist, and applications that misbehave."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import pytest

from fastcorn.asgi import lifespan as lifespan_module
from fastcorn.asgi.lifespan import Lifespan, Phase
from fastcorn.errors import LifespanFailureError, LifespanTimeoutError

LIMIT = 30.0


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, LIMIT))


class Recorder:
    """A well-behaved application that keeps what it saw."""

    def __init__(self) -> None:
        self.scope: dict[str, Any] = {}
        self.events: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope = scope
        for stage in ("startup", "shutdown"):
            self.events.append((await receive())["type"])
            await send({"type": f"lifespan.{stage}.complete"})


def test_scope_and_events_l1_l2_l5() -> None:
    async def main() -> None:
        app = Recorder()
        lifespan = Lifespan(app)
        await lifespan.startup()
        assert lifespan.supported is True
        assert app.scope == {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        assert app.scope["state"] is lifespan.state
        assert app.events == ["lifespan.startup"]
        await lifespan.shutdown()
        assert app.events == ["lifespan.startup", "lifespan.shutdown"]
        assert lifespan.phase is Phase.OVER

    run(main())


def test_startup_waits_for_the_answer_l2() -> None:
    async def main() -> None:
        ready = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await ready.wait()
            scope["state"]["pool"] = "open"
            await send({"type": "lifespan.startup.complete"})
            await receive()

        lifespan = Lifespan(app)
        starting = asyncio.create_task(lifespan.startup())
        for _ in range(10):
            await asyncio.sleep(0)
        assert not starting.done()
        ready.set()
        await starting
        assert lifespan.state == {"pool": "open"}
        await lifespan.abandon()

    run(main())


async def raises_at_once(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"


async def returns_at_once(scope: Any, receive: Any, send: Any) -> None:
    return


async def answers_with_http(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def returns_after_receive(scope: Any, receive: Any, send: Any) -> None:
    await receive()


@pytest.mark.parametrize("app", [raises_at_once, returns_at_once, answers_with_http, returns_after_receive])
def test_application_without_lifespan_is_served_l3_l8(app: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        lifespan = Lifespan(app, log=logging.getLogger("test.lifespan"))
        with caplog.at_level(logging.INFO):
            await lifespan.startup()
        assert lifespan.supported is False
        await lifespan.shutdown()
        assert caplog.records == []

    run(main())


@pytest.mark.parametrize("app", [raises_at_once, returns_at_once, answers_with_http, returns_after_receive])
def test_mode_on_demands_a_lifespan(app: Any) -> None:
    async def main() -> None:
        with pytest.raises(LifespanFailureError, match="setting lifespan is on"):
            await Lifespan(app, mode="on").startup()

    run(main())


def test_mode_off_never_calls_the_application() -> None:
    async def main() -> None:
        app = Recorder()
        lifespan = Lifespan(app, mode="off")
        await lifespan.startup()
        await lifespan.shutdown()
        assert (app.events, lifespan.supported) == ([], False)

    run(main())


def test_startup_failed_l4() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    async def main() -> None:
        with pytest.raises(LifespanFailureError, match="failed its startup: no database") as caught:
            await Lifespan(app).startup()
        assert caught.value.exit_code == 3

    run(main())


@pytest.mark.parametrize("error", [ValueError("bad key"), SystemExit(5), KeyboardInterrupt(), asyncio.CancelledError()])
def test_exception_after_receive_is_a_failure(error: BaseException) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        raise error

    async def main() -> None:
        with pytest.raises(LifespanFailureError, match=type(error).__name__) as caught:
            await Lifespan(app).startup()
        assert caught.value.__cause__ is error

    run(main())


def test_startup_timeout_l8() -> None:
    cancelled = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(True)

    async def main() -> None:
        with pytest.raises(LifespanTimeoutError, match=r"lifespan.startup within 0.01 s \(setting startup_timeout\)"):
            await Lifespan(app, startup_timeout=0.01).startup()
        assert cancelled == [True]

    run(main())


def test_shutdown_timeout_l5() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.Event().wait()

    async def main() -> None:
        lifespan = Lifespan(app, shutdown_timeout=0.01)
        await lifespan.startup()
        with pytest.raises(LifespanTimeoutError, match="lifespan.shutdown within") as caught:
            await lifespan.shutdown()
        assert caught.value.exit_code == 1

    run(main())


def test_shutdown_failed_l5() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "disk full"})

    async def main() -> None:
        lifespan = Lifespan(app)
        await lifespan.startup()
        with pytest.raises(LifespanFailureError, match="failed its shutdown: disk full"):
            await lifespan.shutdown()

    run(main())


def test_exception_in_shutdown_is_a_failure() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        raise OSError("disk gone")

    async def main() -> None:
        lifespan = Lifespan(app)
        await lifespan.startup()
        with pytest.raises(LifespanFailureError, match="OSError: disk gone"):
            await lifespan.shutdown()

    run(main())


def test_application_that_ends_while_serving_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        fail = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await fail.wait()
            raise RuntimeError("background task died")

        lifespan = Lifespan(app, log=logging.getLogger("test.lifespan"))
        await lifespan.startup()
        fail.set()
        for _ in range(10):
            await asyncio.sleep(0)
        await lifespan.shutdown()

    run(main())
    assert [record.getMessage() for record in caplog.records] == [
        "the application's lifespan ended while the server runs"
    ]


def test_application_that_raises_right_after_its_answer_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        raise RuntimeError("at once")

    async def main() -> None:
        lifespan = Lifespan(app, log=logging.getLogger("test.lifespan"))
        await lifespan.startup()
        await lifespan.shutdown()

    run(main())
    assert len(caplog.records) == 1


def test_application_that_returns_after_startup_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})

    async def main() -> None:
        lifespan = Lifespan(app, log=logging.getLogger("test.lifespan"))
        await lifespan.startup()
        assert lifespan.supported is True
        await lifespan.shutdown()

    run(main())
    assert caplog.records == []


def test_application_that_receives_for_ever_does_not_delay_the_stop() -> None:
    # The farewell is longer than the whole test may take: only being cancelled at receive() ends this application.
    async def app(scope: Any, receive: Any, send: Any) -> None:
        while True:
            stage = (await receive())["type"]
            await send({"type": f"{stage}.complete"})

    async def main() -> None:
        lifespan = Lifespan(app)
        await lifespan.startup()
        await lifespan.shutdown()

    original = lifespan_module.FAREWELL_SECONDS
    lifespan_module.FAREWELL_SECONDS = 10 * LIMIT
    try:
        run(main())
    finally:
        lifespan_module.FAREWELL_SECONDS = original


def test_application_that_ignores_its_cancellation_is_left_behind(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifespan_module, "FAREWELL_SECONDS", 0.01)

    async def main() -> None:
        release = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    continue

        lifespan = Lifespan(app, startup_timeout=0.01, log=logging.getLogger("test.lifespan"))
        with pytest.raises(LifespanTimeoutError):
            await lifespan.startup()
        release.set()

    run(main())
    assert "left behind" in caplog.text


@pytest.mark.parametrize("kind", ["lifespan.shutdown.complete", "lifespan.startup.complete", "http.response.start"])
def test_message_out_of_place_raises_in_the_application(kind: str) -> None:
    raised: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        try:
            await send({"type": kind})
        except Exception as error:
            raised.append(str(error))
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def main() -> None:
        lifespan = Lifespan(app)
        await lifespan.startup()
        await lifespan.shutdown()

    run(main())
    assert len(raised) == 1
    assert kind in raised[0]


def test_cancelled_startup_cancels_the_application() -> None:
    ended: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await receive()
            await asyncio.Event().wait()
        finally:
            ended.append("cleaned up")

    async def main() -> None:
        starting = asyncio.create_task(Lifespan(app).startup())
        for _ in range(10):
            await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    run(main())
    assert ended == ["cleaned up"]
