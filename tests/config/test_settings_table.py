# SPDX-License-Identifier: MIT
"""Every setting through every source, and Hypercorn's names and defaults."""

from __future__ import annotations

import ast
import inspect
import ssl
from pathlib import Path

import pytest

from fastcorn.config import Config, fields
from fastcorn.config.commandline import parse_command_line
from fastcorn.config.flags import OWN_FLAGS, UNAVAILABLE, all_flags
from fastcorn.config.sources import gather
from fastcorn.config.table import GROUPS, SETTINGS

ROOT = Path(__file__).resolve().parents[2]

# One other value for each setting: as text (flag, environment), as TOML, and as the attribute then is.
SAMPLES: dict[str, tuple[str, str, object]] = {
    "application_path": ("main:app", '"main:app"', "main:app"),
    "mode": ("wsgi", '"wsgi"', "wsgi"),
    "factory": ("true", "true", True),
    "app_dir": ("src", '"src"', "src"),
    "env_file": (".env", '".env"', ".env"),
    "root_path": ("/api/", '"/api/"', "/api"),
    "lifespan": ("on", '"on"', "on"),
    "startup_timeout": ("2m", '"2m"', 120.0),
    "shutdown_timeout": ("90", "90", 90.0),
    "asgi_spec_version": ("2.3", '"2.3"', "2.3"),
    "app_disconnect_grace": ("500ms", "0.5", 0.5),
    "max_app_queue_size": ("20", "20", 20),
    "wsgi_max_body_size": ("1MiB", '"1MiB"', 2**20),
    "bind": ("localhost:1,[::1]:2", '["localhost:1", "[::1]:2"]', ["localhost:1", "[::1]:2"]),
    "insecure_bind": ("localhost:3", '"localhost:3"', ["localhost:3"]),
    "quic_bind": ("localhost:4", '["localhost:4"]', ["localhost:4"]),
    "backlog": ("100", "100", 100),
    "server_names": ("a.example,b.example", '["a.example", "b.example"]', ["a.example", "b.example"]),
    "accept": ("reuseport", '"reuseport"', "reuseport"),
    "unix_socket_mode": ("660", "0o660", 0o660),
    "user": ("0", "0", 0),
    "group": ("12", "12", 12),
    "umask": ("027", "0o027", 0o27),
    "workers": ("0", "0", 0),
    "worker_class": ("asyncio", '"asyncio"', "asyncio"),
    "preload": ("on", "true", True),
    "worker_timeout": ("10", "10", 10.0),
    "slow_callback": ("500ms", '"500ms"', 0.5),
    "debug": ("yes", "true", True),
    "graceful_timeout": ("3", "3", 3.0),
    "drain_delay": ("5", "5", 5.0),
    "warmup": ("GET /", '"GET /"', "GET /"),
    "pid_path": ("/run/x.pid", '"/run/x.pid"', "/run/x.pid"),
    "daemon": ("off", "false", False),
    "max_requests": ("1000", "1000", 1000),
    "max_requests_jitter": ("50", "50", 50),
    "max_worker_lifetime": ("1d", '"24h"', 86400.0),
    "max_worker_rss": ("1GiB", '"1GiB"', 2**30),
    "use_reloader": ("1", "true", True),
    "reload_dirs": ("src,lib", '["src", "lib"]', ["src", "lib"]),
    "reload_include": ("*.html,*.css", '["*.html", "*.css"]', ["*.html", "*.css"]),
    "reload_exclude": ("build/*", '"build/*"', ["build/*"]),
    "reload_poll": ("on", "true", True),
    "reload_delay": ("1", "1", 1.0),
    "on_starting": ("a.b:c", '"a.b:c"', "a.b:c"),
    "when_ready": ("a.b:c", '"a.b:c"', "a.b:c"),
    "on_worker_ready": ("a.b:c", '"a.b:c"', "a.b:c"),
    "on_worker_exit": ("a.b:c", '"a.b:c"', "a.b:c"),
    "on_reload": ("a.b:c", '"a.b:c"', "a.b:c"),
    "on_exit": ("a.b:c", '"a.b:c"', "a.b:c"),
    "include_server_header": ("no", "false", False),
    "server_header": ("mine", '"mine"', "mine"),
    "include_date_header": ("0", "false", False),
    "headers": ("X-A: 1, 2", '[["X-A", "1, 2"]]', [("X-A", "1, 2")]),
    "alt_svc_headers": ('h3=":443"; ma=1, h2=":8"', '[\'h3=":443"; ma=1, h2=":8"\']', ['h3=":443"; ma=1, h2=":8"']),
    "redirect_to_https": ("on", "true", True),
    "redirect_port": ("8443", "8443", 8443),
    "hsts": ("1d", '"max-age=86400"', "max-age=86400"),
    "keep_alive_max_requests": ("1000", "1000", 1000),
    "h11_pass_raw_headers": ("on", "true", True),
    "forwarded_allow_ips": ("10.0.0.1,10.0.0.2", '["10.0.0.1", "10.0.0.2"]', ["10.0.0.1", "10.0.0.2"]),
    "h11_max_incomplete_size": ("16KiB", "16384", 16384),
    "max_header_fields": ("50", "50", 50),
    "max_field_size": ("4k", '"4k"', 4096),
    "max_target_size": ("4KB", "4000", 4000),
    "max_request_body_size": ("1GiB", '"1GiB"', 2**30),
    "max_concurrent_requests": ("10", "10", 10),
    "max_connections": ("1000", "1000", 1000),
    "header_read_timeout": ("20s", "20", 20.0),
    "keep_alive_timeout": ("75", '"75s"', 75.0),
    "body_timeout": ("1h", "3600", 3600.0),
    "body_min_rate": ("500", '"500/s"', 500),
    "write_timeout": ("off", '"off"', None),
    "read_timeout": ("30", "30", 30.0),
    "certfile": ("cert.pem", '"cert.pem"', "cert.pem"),
    "keyfile": ("key.pem", '"key.pem"', "key.pem"),
    "keyfile_password": ("off", '"off"', "off"),
    "certificates": ('{"certfile": "a.pem"}', '[{certfile = "a.pem"}]', [{"certfile": "a.pem"}]),
    "sni_strict": ("on", "true", True),
    "watch_certificates": ("off", "false", False),
    "ssl_context": ("a.b:c", '"a.b:c"', "a.b:c"),
    "ca_certs": ("ca.pem", '"ca.pem"', "ca.pem"),
    "crl_file": ("crl.pem", '"crl.pem"', "crl.pem"),
    "verify_mode": ("CERT_REQUIRED", '"CERT_REQUIRED"', ssl.VerifyMode.CERT_REQUIRED),
    "verify_flags": ("VERIFY_CRL_CHECK_LEAF", '["VERIFY_CRL_CHECK_LEAF"]', ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF),
    "ssl_minimum_version": ("1.3", '"1.3"', "1.3"),
    "ciphers": ("HIGH", '"HIGH"', "HIGH"),
    "tls13_ciphers": ("TLS_AES_128_GCM_SHA256", '"TLS_AES_128_GCM_SHA256"', "TLS_AES_128_GCM_SHA256"),
    "alpn_protocols": ("http/1.1", '["http/1.1"]', ["http/1.1"]),
    "ssl_handshake_timeout": ("10", "10", 10.0),
    "h2c": ("off", "false", False),
    "h2c_allow_ips": (
        "127.0.0.1,10.0.0.0/8,unix",
        '["127.0.0.1", "10.0.0.0/8", "unix"]',
        ["127.0.0.1", "10.0.0.0/8", "unix"],
    ),
    "h2c_upgrade": ("on", "true", True),
    "http2_engine": ("h2", '"h2"', "h2"),
    "h2_max_concurrent_streams": ("50", "50", 50),
    "h2_max_header_list_size": ("1000", "1000", 1000),
    "h2_max_inbound_frame_size": ("32KiB", "32768", 32768),
    "h2_initial_stream_window": ("64KiB", "65536", 65536),
    "h2_initial_connection_window": ("2MiB", "2097152", 2097152),
    "h2_max_window": ("1MiB", "1048576", 1048576),
    "h2_ping_interval": ("off", '"off"', None),
    "h2_ping_timeout": ("5s", "5", 5.0),
    "h2_push": ("off", "false", False),
    "h2_join_cookies": ("on", "true", True),
    "h2_max_overhead_frames": ("100", "100", 100),
    "websocket_engine": ("wsproto", '"wsproto"', "wsproto"),
    "websocket_max_message_size": ("1MiB", "1048576", 2**20),
    "websocket_max_fragments": ("100", "100", 100),
    "websocket_queue_size": ("1MiB", '"1MiB"', 2**20),
    "websocket_queue_messages": ("100", "100", 100),
    "websocket_ping_interval": ("30", "30", 30.0),
    "websocket_ping_timeout": ("30", "30", 30.0),
    "websocket_idle_timeout": ("1h", "3600", 3600.0),
    "websocket_close_timeout": ("10", "10", 10.0),
    "websocket_compression": ("off", "false", False),
    "websocket_compression_threshold": ("0", "0", 0),
    "websocket_compression_level": ("1", "1", 1),
    "websocket_window_bits": ("15", "15", 15),
    "websocket_memory_level": ("8", "8", 8),
    "websocket_context_takeover": ("off", "false", False),
    "accesslog": ("-", '"-"', "-"),
    "access_log_format": ("%(h)s %(s)s", '"%(h)s %(s)s"', "%(h)s %(s)s"),
    "errorlog": ("error.log", '"error.log"', "error.log"),
    "loglevel": ("debug", '"debug"', "DEBUG"),
    "logconfig": ("json:log.json", '"json:log.json"', "json:log.json"),
    "logconfig_dict": ('{"version": 1}', "{version = 1}", {"version": 1}),
    "logger_class": ("a.b:C", '"a.b:C"', "a.b:C"),
    "statsd_host": ("localhost:8125", '"localhost:8125"', "localhost:8125"),
    "statsd_prefix": ("web", '"web"', "web"),
    "dogstatsd_tags": ("env:prod", '"env:prod"', "env:prod"),
}

# Hypercorn 0.18's attributes and defaults.
HYPERCORN: dict[str, object] = {
    "access_log_format": '%(h)s %(l)s %(l)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"',
    "accesslog": None,
    "alpn_protocols": ["h2", "http/1.1"],
    "alt_svc_headers": [],
    "application_path": None,
    "backlog": 100,
    "bind": ["127.0.0.1:8000"],
    "ca_certs": None,
    "certfile": None,
    "ciphers": "ECDHE+AESGCM",
    "daemon": True,
    "debug": False,
    "dogstatsd_tags": "",
    "errorlog": "-",
    "graceful_timeout": 3.0,
    "group": None,
    "h11_max_incomplete_size": 16 * 1024,
    "h11_pass_raw_headers": False,
    "h2_max_concurrent_streams": 100,
    "h2_max_header_list_size": 2**16,
    "h2_max_inbound_frame_size": 2**14,
    "include_date_header": True,
    "include_server_header": True,
    "insecure_bind": [],
    "keep_alive_max_requests": 1000,
    "keep_alive_timeout": 5.0,
    "keyfile": None,
    "keyfile_password": None,
    "logconfig": None,
    "logconfig_dict": None,
    "logger_class": "hypercorn.logging.Logger",
    "loglevel": "INFO",
    "max_app_queue_size": 10,
    "max_requests": None,
    "max_requests_jitter": 0,
    "pid_path": None,
    "quic_bind": [],
    "read_timeout": None,
    "root_path": "",
    "server_names": [],
    "shutdown_timeout": 60.0,
    "ssl_handshake_timeout": 60.0,
    "startup_timeout": 60.0,
    "statsd_host": None,
    "statsd_prefix": "",
    "umask": None,
    "use_reloader": False,
    "user": None,
    "verify_flags": None,
    "verify_mode": None,
    "websocket_max_message_size": 16 * 1024 * 1024,
    "websocket_ping_interval": None,
    "worker_class": "asyncio",
    "workers": 1,
    "wsgi_max_body_size": 16 * 1024 * 1024,
}
CHANGED_DEFAULTS = {
    "backlog", "graceful_timeout", "h11_max_incomplete_size", "keep_alive_max_requests", "logger_class",
    "websocket_ping_interval", "worker_class",
}  # fmt: skip

HYPERCORN_FLAGS = [
    "--access-log", "--access-logfile", "--access-logformat", "--backlog", "-b", "--bind", "--ca-certs", "--certfile",
    "--cert-reqs", "--ciphers", "-c", "--config", "-D", "--daemon", "--debug", "--error-log", "--error-logfile",
    "--log-file", "--graceful-timeout", "--read-timeout", "--max-requests", "--max-requests-jitter", "-g", "--group",
    "-k", "--worker-class", "--keep-alive", "--keyfile", "--keyfile-password", "--insecure-bind", "--log-config",
    "--log-level", "-p", "--pid", "--quic-bind", "--reload", "--root-path", "--server-name", "--statsd-host",
    "--statsd-prefix", "-m", "--umask", "-u", "--user", "--verify-mode", "--websocket-ping-interval", "-w",
    "--workers", "-h", "--help",
]  # fmt: skip

UVICORN_FLAGS = [
    "--host", "--port", "--uds", "--fd", "--reload", "--reload-dir", "--reload-include", "--reload-exclude",
    "--reload-delay", "--workers", "--loop", "--http", "--ws", "--ws-max-size", "--ws-max-queue",
    "--ws-ping-interval", "--ws-ping-timeout", "--ws-per-message-deflate", "--lifespan", "--interface", "--env-file",
    "--log-config", "--log-level", "--access-log", "--no-access-log", "--use-colors", "--no-use-colors",
    "--proxy-headers", "--no-proxy-headers", "--server-header", "--no-server-header", "--date-header",
    "--no-date-header", "--forwarded-allow-ips", "--root-path", "--limit-concurrency", "--backlog",
    "--limit-max-requests", "--limit-max-requests-jitter", "--timeout-keep-alive", "--timeout-graceful-shutdown",
    "--timeout-worker-healthcheck", "--ssl-keyfile", "--ssl-certfile", "--ssl-keyfile-password", "--ssl-version",
    "--ssl-cert-reqs", "--ssl-ca-certs", "--ssl-ciphers", "--header", "--version", "--app-dir",
    "--h11-max-incomplete-event-size", "--factory", "--reset-contextvars",
]  # fmt: skip


def changed(config: Config) -> dict[str, object]:
    """The settings that differ from a new configuration's."""
    plain = Config()
    return {name: getattr(config, name) for name in SETTINGS if getattr(config, name) != getattr(plain, name)}


def test_the_samples_cover_the_table() -> None:
    assert list(SAMPLES) == list(SETTINGS)
    assert all(SAMPLES[name][2] != setting.default for name, setting in SETTINGS.items())


@pytest.mark.parametrize("name", SETTINGS)
def test_a_default_is_of_its_kind(name: str) -> None:
    setting = SETTINGS[name]
    assert setting.checked(setting.default) == setting.default
    assert getattr(Config(), name) == setting.default
    assert getattr(Config, name) == setting.default
    assert Config().origin(name) == "default"


@pytest.mark.parametrize("name", SETTINGS)
def test_the_environment_sets_exactly_one_attribute(name: str) -> None:
    text, _, value = SAMPLES[name]
    config, warnings = gather([], {f"FASTCORN_{name.upper()}": text})
    assert changed(config) == {name: value}
    assert config.origin(name) == f"FASTCORN_{name.upper()}"
    assert warnings == []


@pytest.mark.parametrize("name", SETTINGS)
def test_toml_sets_exactly_one_attribute(name: str, tmp_path: Path) -> None:
    _, toml, value = SAMPLES[name]
    file = tmp_path / "fastcorn.toml"
    file.write_text(f"{name} = {toml}\n", encoding="utf-8")
    config = Config.from_toml(file)
    assert changed(config) == {name: value}
    assert config.origin(name) == str(file)


@pytest.mark.parametrize("name", SETTINGS)
def test_an_assignment_sets_exactly_one_attribute(name: str) -> None:
    value = SAMPLES[name][2]
    config = Config()
    setattr(config, name, value)
    assert changed(config) == {name: value}
    assert changed(Config.from_mapping({name: value})) == {name: value}


@pytest.mark.parametrize("flag", [flag for flag, known in all_flags().items() if known.setting is not None])
def test_a_flag_sets_exactly_its_attribute(flag: str) -> None:
    known = all_flags()[flag]
    assert known.setting is not None
    name = known.setting.name
    text, _, value = SAMPLES[name]
    if known.takes_value:
        line = parse_command_line([flag, text] if flag[1] != "-" else [f"{flag}={text}"])
    else:
        line = parse_command_line([flag])
        value = known.fixed
    config, _ = gather(line.values, {})
    assert changed(config) == ({name: value} if value != SETTINGS[name].default else {})
    assert config.origin(name) == flag


@pytest.mark.parametrize("name", HYPERCORN)
def test_hypercorn_defaults_are_kept_or_the_change_is_documented(name: str) -> None:
    assert name in SETTINGS
    if name not in CHANGED_DEFAULTS:
        assert SETTINGS[name].default == HYPERCORN[name]
        return
    assert SETTINGS[name].default != HYPERCORN[name]
    assert f"`{name}`" in (ROOT / "docs/migrating.md").read_text(encoding="utf-8")


def test_hypercorn_has_56_names_with_the_write_only_one() -> None:
    assert len(HYPERCORN) + len(["cert_reqs"]) == 56


@pytest.mark.parametrize("flag", HYPERCORN_FLAGS)
def test_hypercorn_flags_are_understood(flag: str) -> None:
    assert flag in all_flags()


@pytest.mark.parametrize("flag", UVICORN_FLAGS)
def test_uvicorn_flags_are_understood_or_explained(flag: str) -> None:
    assert (flag in all_flags()) != (flag in UNAVAILABLE)


def test_no_flag_is_given_twice() -> None:
    claimed = [flag for setting in SETTINGS.values() for flag in (*setting.all_flags, *setting.negative_flags)]
    assert len(claimed) == len(set(claimed))
    assert not set(claimed) & set(OWN_FLAGS)
    assert not set(all_flags()) & set(UNAVAILABLE)


def test_no_variable_is_claimed_twice() -> None:
    variables = [name for setting in SETTINGS.values() for name in (setting.variable, *setting.environment)]
    assert len(variables) == len(set(variables))


def test_every_row_is_in_one_group_and_described() -> None:
    assert [setting.name for rows in GROUPS.values() for setting in rows] == list(SETTINGS)
    for setting in SETTINGS.values():
        assert setting.help
        assert not setting.help.endswith("."), setting.name


def test_the_annotations_are_those_of_the_table() -> None:
    module = ast.parse(inspect.getsource(fields))
    (declared,) = [node for node in module.body if isinstance(node, ast.ClassDef)]
    rows = {
        node.target.id: ast.unparse(node.annotation)
        for node in declared.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    wanted = {}
    for name, setting in SETTINGS.items():
        annotation = setting.kind.annotation.replace("list[", "ListOf[", 1)
        wanted[name] = f"{annotation} | None" if setting.kind.optional else annotation
    assert rows == wanted


@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_shown_is_read_back(name: str) -> None:
    setting = SETTINGS[name]
    for value in (setting.default, SAMPLES[name][2]):
        if not (setting.secret and value is not None):
            assert setting.parsed(setting.shown(value)) == value
