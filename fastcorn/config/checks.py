# SPDX-License-Identifier: MIT
"""Settings that contradict each other. Called by Config.freeze(); each check raises ConfigError or returns."""

from __future__ import annotations

from fastcorn.config.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastcorn.config.settings import Settings

WITHOUT_TLS = (
    ("quic_bind", "HTTP/3 needs TLS; set certfile too"),
    ("insecure_bind", "it is for listening without TLS beside bind with TLS; set certfile too, or move it to bind"),
    ("keyfile", "a key alone does not turn TLS on; set certfile too"),
    ("keyfile_password", "it is for the key of certfile, which is not set; set certfile too"),
    ("ca_certs", "client certificates are verified over TLS only; set certfile too"),
    ("crl_file", "client certificates are verified over TLS only; set certfile too"),
    ("verify_mode", "client certificates are verified over TLS only; set certfile too"),
    ("verify_flags", "client certificates are verified over TLS only; set certfile too"),
    ("redirect_to_https", "there is no https to redirect to; set certfile too"),
    ("hsts", "it is sent over TLS only; set certfile too, or if a proxy does TLS let that send it"),
    ("tls13_ciphers", "it is for TLS, which is off; set certfile too"),
    ("sni_strict", "it is for TLS, which is off; set certfile too"),
)


def check_together(settings: Settings) -> None:
    """Refuses contradictory settings.

    Raises:
        ConfigError: names the setting that cannot be honoured, its origin, and the remedy.
    """
    if not settings.ssl_enabled:
        for name, problem in WITHOUT_TLS:
            if getattr(settings, name):
                raise contradiction(settings, name, problem)
    else:
        check_tls(settings)
    if settings.logconfig is not None and settings.logconfig_dict is not None:
        raise contradiction(settings, "logconfig_dict", "logconfig is set too; remove one of the two")
    if not settings.bind and not settings.insecure_bind and not settings.quic_bind:
        raise contradiction(settings, "bind", "there is no address to listen on; for example 127.0.0.1:8000")
    check_redirect(settings)
    check_twice_bound(settings)
    check_limits(settings)


def check_redirect(settings: Settings) -> None:
    if settings.redirect_to_https and not settings.insecure_bind:
        problem = "there is no address without TLS; set insecure_bind too, for example to 0.0.0.0:80"
        raise contradiction(settings, "redirect_to_https", problem)
    if settings.redirect_port is not None and not settings.redirect_to_https:
        raise contradiction(settings, "redirect_port", "nothing is redirected; set redirect_to_https too")


def check_tls(settings: Settings) -> None:
    for name in ("keyfile", "keyfile_password") if settings.certfile is None else ():
        if getattr(settings, name):
            problem = f"it is for certfile, which is not set; set it, or write {name} beside the certfile it belongs to"
            raise contradiction(settings, name, problem)
    if settings.crl_file is not None and not settings.verify_mode:
        problem = "no client is asked for a certificate that it could revoke; set verify_mode to CERT_REQUIRED"
        raise contradiction(settings, "crl_file", problem)


def check_twice_bound(settings: Settings) -> None:
    seen: dict[str, str] = {}
    for name in ("bind", "insecure_bind"):
        for address in getattr(settings, name):
            if address in seen and not address.endswith(":0"):
                where = "twice" if seen[address] == name else f"in {seen[address]} too"
                raise contradiction(settings, name, f"{address} is there {where}; remove one of the two")
            seen[address] = name


def check_limits(settings: Settings) -> None:
    """A part may not be allowed to be larger than the whole, if somebody asked for both."""
    whole = "h11_max_incomplete_size"
    for part in ("max_field_size", "max_target_size"):
        limit, most = getattr(settings, part), getattr(settings, whole)
        if limit > most and "default" not in (settings.origin(part), settings.origin(whole)):
            raise contradiction(settings, part, f"{limit} is more than {whole} ({most}), which holds it")


def contradiction(settings: Settings, name: str, problem: str) -> ConfigError:
    return ConfigError(problem, setting=name, origin=settings.origin(name))
