# SPDX-License-Identifier: MIT
"""The settings as typed attributes, for type checkers and editors; nothing here exists at run time.

Config and Settings inherit these annotations. A test compares them with the table of settings.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    import ssl
    from collections.abc import Callable, Iterable
    from typing import Any, Generic, TypeVar, overload

    from fastcorn.config.config import Config
    from fastcorn.config.settings import Settings
    from fastcorn.typing import LifecycleEvent

    Item = TypeVar("Item")

    class ListOf(Generic[Item]):
        """A list in Config, where one item may be assigned in its place; a tuple in the frozen Settings."""

        @overload
        def __get__(self, owner: Config, kind: type[Any]) -> list[Item]: ...
        @overload
        def __get__(self, owner: Settings, kind: type[Any]) -> tuple[Item, ...]: ...
        @overload
        def __get__(self, owner: None, kind: type[Any]) -> list[Item]: ...
        def __get__(self, owner: Any, kind: type[Any]) -> Any: ...
        def __set__(self, owner: Config, value: Iterable[Item] | str) -> None: ...


class Fields:
    """One annotation for each row of the table."""

    application_path: str | None
    mode: str | None
    factory: bool
    app_dir: str | None
    env_file: str | None
    root_path: str
    lifespan: str
    startup_timeout: float
    shutdown_timeout: float
    asgi_spec_version: str
    app_disconnect_grace: float | None
    max_app_queue_size: int
    wsgi_max_body_size: int
    bind: ListOf[str]
    insecure_bind: ListOf[str]
    quic_bind: ListOf[str]
    backlog: int
    server_names: ListOf[str]
    accept: str
    unix_socket_mode: int | None
    user: int | None
    group: int | None
    umask: int | None
    workers: int
    worker_class: str
    preload: bool
    worker_timeout: float | None
    slow_callback: float | None
    debug: bool
    graceful_timeout: float
    drain_delay: float
    warmup: str | None
    pid_path: str | None
    daemon: bool
    max_requests: int | None
    max_requests_jitter: int
    max_worker_lifetime: float | None
    max_worker_rss: int | None
    use_reloader: bool
    reload_dirs: ListOf[str]
    reload_include: ListOf[str]
    reload_exclude: ListOf[str]
    reload_poll: bool
    reload_delay: float
    on_starting: Callable[[LifecycleEvent], object] | str | None
    when_ready: Callable[[LifecycleEvent], object] | str | None
    on_worker_ready: Callable[[LifecycleEvent], object] | str | None
    on_worker_exit: Callable[[LifecycleEvent], object] | str | None
    on_reload: Callable[[LifecycleEvent], object] | str | None
    on_exit: Callable[[LifecycleEvent], object] | str | None
    include_server_header: bool
    server_header: str
    include_date_header: bool
    headers: ListOf[tuple[str, str]]
    alt_svc_headers: ListOf[str]
    redirect_to_https: bool
    redirect_port: int | None
    hsts: str | None
    keep_alive_max_requests: int | None
    h11_pass_raw_headers: bool
    forwarded_allow_ips: ListOf[str]
    h11_max_incomplete_size: int
    max_header_fields: int
    max_field_size: int
    max_target_size: int
    max_request_body_size: int | None
    max_concurrent_requests: int | None
    max_connections: int | None
    header_read_timeout: float | None
    keep_alive_timeout: float
    body_timeout: float | None
    body_min_rate: int | None
    write_timeout: float | None
    read_timeout: float | None
    certfile: str | None
    keyfile: str | None
    keyfile_password: str | None
    certificates: ListOf[dict[str, Any]]
    sni_strict: bool
    watch_certificates: bool
    ssl_context: Callable[[Config, Callable[[], ssl.SSLContext]], ssl.SSLContext] | str | None
    ca_certs: str | None
    crl_file: str | None
    verify_mode: ssl.VerifyMode | None
    verify_flags: ssl.VerifyFlags | None
    ssl_minimum_version: str
    ciphers: str
    tls13_ciphers: str | None
    alpn_protocols: ListOf[str]
    ssl_handshake_timeout: float
    h2c: bool
    h2c_allow_ips: ListOf[str]
    h2c_upgrade: bool
    http2_engine: str
    h2_max_concurrent_streams: int
    h2_max_header_list_size: int
    h2_max_inbound_frame_size: int
    h2_initial_stream_window: int
    h2_initial_connection_window: int
    h2_max_window: int
    h2_ping_interval: float | None
    h2_ping_timeout: float
    h2_push: bool
    h2_join_cookies: bool
    h2_max_overhead_frames: int
    websocket_engine: str
    websocket_max_message_size: int
    websocket_max_fragments: int
    websocket_queue_size: int
    websocket_queue_messages: int
    websocket_ping_interval: float | None
    websocket_ping_timeout: float | None
    websocket_idle_timeout: float | None
    websocket_close_timeout: float
    websocket_compression: bool
    websocket_compression_threshold: int
    websocket_compression_level: int
    websocket_window_bits: int
    websocket_memory_level: int
    websocket_context_takeover: bool
    accesslog: str | logging.Logger | None
    access_log_format: str
    errorlog: str | logging.Logger | None
    loglevel: str
    logconfig: str | None
    logconfig_dict: dict[str, Any] | None
    logger_class: type | str | None
    statsd_host: str | None
    statsd_prefix: str
    dogstatsd_tags: str
