# SPDX-License-Identifier: MIT
"""Worker: serves one application on the listening sockets of a configuration, in the running loop.

Called by fastcorn.worker.serving (the command and serve()) and by fastcorn.server. Order of a start: bind, start the
application, warm it up, listen. Order of a stop: wait for drain_delay, take what waits to be accepted, close the
listening sockets, let the connections end, stop the application.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from typing import Any

from fastcorn.asgi.application import Application
from fastcorn.config.errors import ConfigError
from fastcorn.config.sockets import Sockets, bind_error, can_share_port
from fastcorn.errors import ShutdownError
from fastcorn.observability.logger import access_log, error_log
from fastcorn.worker.balance import Balance
from fastcorn.worker.certificates import Certificates, CertificateWatch, read_again, read_certificates, tell
from fastcorn.worker.generation import Generation, first_of
from fastcorn.worker.listener import Listener
from fastcorn.worker.recycling import SETTINGS as RECYCLING_SETTINGS
from fastcorn.worker.recycling import Recycling
from fastcorn.worker.warmup import warm_up


class Worker:
    """One application on the sockets of one configuration.

    Attributes:
        ready: whether it accepts connections and has not begun to stop.
        log: what Config.log gave.
        on_recycle: called once with a reason when this worker should be replaced; it goes on serving.
        on_started: called when it accepts connections.
        on_stopping: called when a stop begins, before anything is closed.

    Args:
        application: what is served.
        config: a Config; its settings are fixed when the worker is made.
        sockets: bound sockets to use instead of binding those of the configuration; the worker closes them.
        balance: how the connections of shared sockets are spread over several workers; None accepts all it can.
        announce: whether the log says where the worker listens.
        context_class: for tests.
        connection_class: for tests; fastcorn.protocols._http1.H1Connection by default.

    Raises:
        ConfigError: a setting is wrong, or a log cannot be opened.
    """

    def __init__(
        self,
        application: Application,
        config: Any,
        *,
        sockets: Sockets | None = None,
        balance: Balance | None = None,
        announce: bool = True,
        context_class: Any = None,
        connection_class: Any = None,
    ) -> None:
        self.settings = config.freeze()
        self.log = config.log
        self.error_log = error_log(self.log)
        self.listeners: list[Listener] = []
        self.ready = False
        self.on_recycle: Callable[[str], None] | None = None
        self.on_started: Callable[[], None] | None = None
        self.on_stopping: Callable[[], None] | None = None
        self._config = config
        self._urls: list[str] = []
        self._access_log = access_log(self.log)
        self._sockets = sockets
        self._announces = announce
        self._balance = balance
        self._leave_queues: Collection[str] = ()
        self._context_class = context_class
        self._connection_class = connection_class
        self._generation = self._new_generation(application, self.settings)
        self._retiring: dict[asyncio.Task[None], Generation] = {}
        self._forced = asyncio.Event()
        self._stopping: asyncio.Task[None] | None = None
        self._ticking: asyncio.TimerHandle | None = None
        self._certificates: Certificates | None = None
        self._watch: CertificateWatch | None = None
        self._recycling: Recycling | None = None

    @property
    def urls(self) -> list[str]:
        """Where the worker listens, with real ports; also when it has stopped."""
        return list(self._urls)

    @property
    def context(self) -> Any:
        """The context of new connections; None before start()."""
        return self._generation.context

    def _new_generation(self, application: Application, settings: Any) -> Generation:
        return Generation(
            application,
            settings,
            error_log=self.error_log,
            access_log=self._access_log,
            context_class=self._context_class,
        )

    async def start(self) -> None:
        """Binds, starts the application and accepts connections.

        Raises:
            AddressError: an address cannot be listened on.
            LifespanFailureError, LifespanTimeoutError, WarmupError: the application did not start.
        """
        if self._sockets is None:
            self._sockets = self._config.create_sockets()
        try:
            self._certificates = self._read_certificates(self._sockets.certificates)
            await self._start_generation(self._generation, self.settings)
            await self._listen()
        except BaseException:
            self._close_sockets()
            await self._retire(self._generation)
            raise
        self._watch_certificates(self._config)
        self._recycling = self._begin_recycling()
        self.ready = True
        self._tick()
        if self._announces:
            for line in () if self._certificates is None else self._certificates.notices:
                self.error_log.warning("%s", line)
            for url in self.urls:
                self.error_log.info("Running on %s (CTRL + C to quit)", url)
        if self.on_started is not None:
            self.on_started()

    def _read_certificates(self, given: Certificates | None) -> Certificates | None:
        """Those that were read before the fork, unless their files have been replaced since."""
        if given is None:
            return read_certificates(self._config)
        if not self.settings.watch_certificates or given.unreadable() or not given.is_stale():
            return given
        try:
            return read_certificates(self._config)
        except ConfigError as error:
            self.error_log.error("the certificates from before go on, new ones do not fit: %s", error)
            return given

    def _watch_certificates(self, config: Any) -> None:
        if self._watch is not None:
            self._watch.end()
        if self._certificates is not None:
            self._watch = CertificateWatch(config, self._certificates, self.error_log, self._serve_certificates)

    def _serve_certificates(self, renewed: Certificates) -> None:
        """Serves connections that come from now on with other certificates."""
        self._certificates = renewed
        for listener in self.listeners:
            listener.renew_tls(renewed.context)

    async def _start_generation(self, generation: Generation, settings: Any) -> None:
        await generation.start()
        if settings.redirect_port is None and (port := self._https_port()) is not None:
            generation.context.https_port = port
        connection = self._choose_connection()
        await warm_up(settings, lambda: connection(generation.context), self.error_log)

    async def stop(self, *, leave_queues: Collection[str] = ()) -> None:
        """Stops: nothing that a client sent before is lost, unless graceful_timeout ends or force() is called.

        It goes on when the caller is cancelled; calling it again waits for the same stop.

        Args:
            leave_queues: the addresses, as in urls without the scheme, of which what waits to be accepted is left to
                other workers that listen on the same sockets.

        Raises:
            LifespanFailureError, LifespanTimeoutError: the application's shutdown failed.
        """
        if self._stopping is None:
            self.ready = False
            self._leave_queues = leave_queues
            self._stopping = asyncio.create_task(self._stop())
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        try:
            self._tell_stopping()
            if self.settings.drain_delay and not self._leave_queues and self.listeners:
                # Balancers that ask whether it is ready have to notice; until then they send new connections.
                self.error_log.info("accepting for %g s more (drain_delay)", self.settings.drain_delay)
                await first_of(self._forced, timeout=self.settings.drain_delay)
            if self._balance is not None:
                self._balance.leave()
            if self._sockets is not None:
                self._sockets.remove_files()
            await self._close_listeners()
            self._close_sockets()
            # One that a reload replaced may still have connections: both get the same graceful_timeout.
            current = asyncio.ensure_future(self._generation.retire(self._forced))
            await asyncio.wait({current, *self._retiring})
            await current
        finally:
            self._close_sockets()
            if self._ticking is not None:
                self._ticking.cancel()
            if self._watch is not None:
                self._watch.end()

    def _tell_stopping(self) -> None:
        self._generation.announce_stop()
        if self.on_stopping is not None:
            try:
                self.on_stopping()
            except Exception:
                self.error_log.error("an error while the stop was announced", exc_info=True)

    async def _close_listeners(self) -> None:
        left = self._leave_queues
        closing = [
            asyncio.ensure_future(listener.close(leave_queue=listener.address in left)) for listener in self.listeners
        ]
        forced = asyncio.ensure_future(self._forced.wait())
        # Connections that arrive are waited for, but not by a stop that is forced.
        all_closed = asyncio.gather(*closing, return_exceptions=True)
        either: set[asyncio.Future[Any]] = {all_closed, forced}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        forced.cancel()
        for close in closing:
            if not close.done():
                close.cancel()
            elif not close.cancelled() and (error := close.exception()) is not None:
                self.error_log.error("an error while a listening socket was closed", exc_info=error)

    def force(self) -> None:
        """Cuts a stop short: connections are closed now, the application gets a few seconds."""
        self._forced.set()

    async def reload(self, application: Application, config: Any = None) -> None:
        """Serves new connections with another application; those that are open end with the one they began with.

        Args:
            application: the new application; its lifespan has to start before anything changes.
            config: new settings; None keeps them. Certificates are read again; addresses and logs stay as they are.

        Raises:
            ConfigError: a certificate cannot be read; the old ones stay.
            LifespanFailureError, LifespanTimeoutError, WarmupError: the new application did not start; the old one goes
                on.
            ShutdownError: the worker was stopped meanwhile.
        """
        settings = self.settings if config is None else config.freeze()
        known = None if config is None else self._certificates
        # In a thread: until a slow file system has answered, connections go on.
        renewed = None if known is None else await asyncio.to_thread(read_again, config, known, self.error_log)
        self._refuse_when_stopped()
        generation = self._new_generation(application, settings)
        try:
            await self._start_generation(generation, settings)
            self._refuse_when_stopped()
        except BaseException:
            await self._retire(generation)
            raise
        if renewed is not None:
            self._serve_certificates(renewed)
            self._watch_certificates(config)
            tell(renewed, self.error_log)
        self.settings = settings
        old, self._generation = self._generation, generation
        old.context.accept_hook = None
        self._watch_limit(generation.context)
        if self.settings.max_connections is not None:
            self._limit_reached(False)
        retiring = asyncio.ensure_future(self._retire(old))
        self._retiring[retiring] = old
        retiring.add_done_callback(self._retiring.pop)

    def _refuse_when_stopped(self) -> None:
        if self._stopping is not None:
            raise ShutdownError("the server was stopped during the reload")

    async def _retire(self, generation: Generation) -> None:
        try:
            await generation.retire(self._forced)
        except Exception as error:
            self.error_log.error("%s", error)

    async def _listen(self) -> None:
        assert self._sockets is not None
        self._watch_limit(self._generation.context)
        secure = None if self._certificates is None else self._certificates.context
        for sock, ssl_context in [
            *[(sock, secure) for sock in self._sockets.secure_sockets],
            *[(sock, None) for sock in self._sockets.insecure_sockets],
        ]:
            listener = Listener(
                sock,
                self._factory(),
                backlog=self.settings.backlog,
                room=None if self.settings.max_connections is None else self._room,
                ssl_context=ssl_context,
                secure=None if ssl_context is None else self._secure_factory(),
                log=self.error_log,
                load=self._shared_load(sock),
            )
            try:
                await listener.start()
            except OSError as error:
                raise bind_error(error, "bind", listener.url.partition("//")[2], self._config.origin("bind")) from None
            self.listeners.append(listener)
            self._urls.append(listener.url)

    def _shared_load(self, sock: Any) -> tuple[Callable[[], int], Balance] | None:
        """What the listener of a socket that several workers share needs; None for one that is this worker's alone."""
        alone = self.settings.accept == "reuseport" and can_share_port(sock)
        return None if self._balance is None or alone else (self._load, self._balance)

    def _choose_connection(self) -> Any:
        if self._connection_class is None:
            from fastcorn.protocols._http1 import H1Connection

            self._connection_class = H1Connection
        return self._connection_class

    def _factory(self) -> Callable[[], Any]:
        connection = self._choose_connection()
        return lambda: connection(self._generation.context)

    def _https_port(self) -> int | None:
        """The port of the first address with TLS, for redirects."""
        assert self._sockets is not None
        names = [sock.getsockname() for sock in self._sockets.secure_sockets]
        return next((name[1] for name in names if isinstance(name, tuple)), None)

    def _secure_factory(self) -> Callable[[Any], Any]:
        from fastcorn.protocols._tls import TLSTransport

        connection = self._choose_connection()
        return lambda ssl_context: TLSTransport(self._generation.context, ssl_context, connection)

    def _watch_limit(self, context: Any) -> None:
        if self.settings.max_connections is not None:
            context.accept_hook = self._limit_reached

    def _begin_recycling(self) -> Recycling | None:
        if self.on_recycle is None:
            for name in RECYCLING_SETTINGS:
                if getattr(self.settings, name) is not None:
                    self.error_log.warning("%s has no effect here: nobody replaces this worker", name)
            return None
        recycling = Recycling(self.settings, asyncio.get_running_loop().time(), self.on_recycle, log=self.error_log)
        recycling.watch(self._generation.context)
        return recycling

    def _limit_reached(self, reached: bool) -> None:
        for listener in self.listeners:
            if reached:
                listener.pause()
            else:
                listener.resume()

    def _room(self) -> int:
        """How many connections may still be accepted; those that were accepted and are not made yet count too."""
        return int(self.settings.max_connections) - self._load()

    def _load(self) -> int:
        arriving = sum(len(listener.arriving) for listener in self.listeners)
        return len(self._generation.context.connections) + arriving

    def _tick(self) -> None:
        """Once a second, just after the clock's second has changed: the date of responses is right that way."""
        loop = asyncio.get_running_loop()
        self._ticking = loop.call_later(1.001 - time.time() % 1.0, self._tick)
        try:
            # Connections that end with an application from before have deadlines too.
            for generation in (self._generation, *self._retiring.values()):
                generation.context.tick()
            if self._watch is not None:
                self._watch.tick()
            if self._recycling is not None:
                self._recycling.check(loop.time())
            if self._balance is not None and self.ready:
                self._balance.tell(self._load())
        except Exception:
            self.error_log.error("an error in the server's clock", exc_info=True)

    def _close_sockets(self) -> None:
        for listener in self.listeners:
            listener.drop()
        if self._sockets is not None:
            self._sockets.close()
