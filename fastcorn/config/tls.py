# SPDX-License-Identifier: MIT
"""The TLS context of a configuration: certificates, names, ciphers, client certificates.

Called by Config.create_ssl_context() and by fastcorn.worker.certificates; calls ssl, `certificate` for the files and
`servernames` for the choice among several certificates. Every context that a name leads to has all settings: OpenSSL
takes ALPN, the authorities and the certificate from the chosen one.
"""

from __future__ import annotations

import functools
import os
import ssl
import sys

from fastcorn.config.certificate import chains_of, hint, read_file
from fastcorn.config.errors import ConfigError
from fastcorn.config.x509 import validity_notice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from fastcorn.config.certificate import Chain
    from fastcorn.config.config import Config
    from fastcorn.config.servernames import ServerNames
    from fastcorn.config.x509 import Facts

MINIMUM_VERSIONS = {"1.2": "TLSv1_2", "1.3": "TLSv1_3"}

# What can be spoken over TLS on TCP, by its name in ALPN (RFC 7301).
SPOKEN = ("h2", "http/1.1", "http/1.0")


def make_ssl_context(config: Config) -> ssl.SSLContext:
    """A server context: TLS 1.2 or newer, Python's hardened defaults, and what the settings ask for.

    Raises:
        ConfigError: names the setting whose file or value OpenSSL refuses.
    """
    chains = chains_of(config)
    made = []
    for chain in chains:
        context = make_bare_context(config)
        made.append((context, chain.load(context)))
    if len(made) > 1 or config.sni_strict:
        from fastcorn.config.servernames import hush_bad_names

        made[0][0].sni_callback = server_names(config, chains, made)
        hush_bad_names()
    return made[0][0]


def call_factory(config: Config, factory: Callable[..., object] | str) -> ssl.SSLContext:
    """The context that the function of ssl_context makes.

    Raises:
        ConfigError: it cannot be imported, raises, or returns anything else than a server's context.
    """
    from fastcorn.config.config import load_object
    from fastcorn.config.files import told

    folder = os.path.abspath(config.app_dir or ".")
    if folder not in sys.path and not ("" in sys.path and folder == os.getcwd()):
        sys.path.insert(0, folder)
    origin = config.origin("ssl_context")
    function: Any = load_object(factory, "ssl_context", origin) if isinstance(factory, str) else factory
    if not callable(function):
        raise refused(config, "ssl_context", f"{factory!r} is no function; it must take the Config and a function")
    try:
        made = function(config, lambda: make_ssl_context(config))
    except ConfigError:
        raise
    except Exception as error:
        raise refused(config, "ssl_context", f"{factory!r} failed: {told(error)}") from error
    return checked_context(made, f"{factory!r}", lambda problem: refused(config, "ssl_context", problem))


def checked_context(made: object, maker: str, refused: Callable[[str], ConfigError]) -> ssl.SSLContext:
    """What somebody's function made, if a server can use it.

    Raises:
        ConfigError: what refused() makes of a sentence: it is no context, or one for clients.
    """
    if not isinstance(made, ssl.SSLContext):
        raise refused(f"{maker} returned {type(made).__name__}; it must return an ssl.SSLContext")
    if made.protocol == ssl.PROTOCOL_TLS_CLIENT:
        raise refused(f"{maker} returned a context for clients; use ssl.PROTOCOL_TLS_SERVER or Purpose.CLIENT_AUTH")
    return made


def server_names(config: Config, chains: list[Chain], made: list[tuple[ssl.SSLContext, Facts]]) -> ServerNames:
    """Who answers to which name."""
    from fastcorn.config.kinds.certificates import checked_name
    from fastcorn.config.servernames import ServerNames

    names = ServerNames(strict=config.sni_strict)
    for chain, (context, _) in zip(chains, made, strict=True):
        taken = names.give(chain.names, context)
        if taken is not None:
            raise chain.refused("names", f"{taken!r} is given to another certificate too; remove one of the two")
    for chain, (context, facts) in zip(chains[1:] + chains[:1], made[1:] + made[:1], strict=True):
        held = list(facts.names)
        if not held and "." in facts.subject:  # certificates of old tools have their name there
            try:
                held = [checked_name(facts.subject)]
            except ValueError:
                held = []
        if not held and not chain.names and chain is not chains[0]:
            raise chain.refused("certfile", f"{chain.certfile!r} holds no host name; set names")
        if not chain.names:
            names.hold(held, context)
    return names


def make_bare_context(config: Config) -> ssl.SSLContext:
    """A context with everything but a certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion[MINIMUM_VERSIONS[config.ssl_minimum_version]]
    # Added to the defaults, not put in their place: they switch off what is known to be unsafe.
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        context.set_ciphers(config.ciphers)
    except (ssl.SSLError, UnicodeError):
        problem = f"OpenSSL knows no cipher of {config.ciphers!r}"
        if "TLS_" in config.ciphers:
            problem += "; those of TLS 1.3 are for tls13_ciphers"
        raise refused(config, "ciphers", problem) from None
    if config.tls13_ciphers is not None:
        from fastcorn.config.ciphersuites import set_ciphersuites

        try:
            set_ciphersuites(context, config.tls13_ciphers)
        except ValueError as error:
            raise refused(config, "tls13_ciphers", str(error)) from None
    offer_protocols(context, config)
    trust_clients(context, config)
    return context


def offer_protocols(context: ssl.SSLContext, config: Config) -> None:
    """Sets the protocols of ALPN: those of the settings."""
    offered = list(config.alpn_protocols)
    for protocol in offered:
        if protocol not in SPOKEN:
            problem = f"{protocol!r} is not spoken over TLS; choose among {', '.join(SPOKEN)}"
            raise refused(config, "alpn_protocols", problem)
    if offered:
        context.set_alpn_protocols(offered)


def trust_clients(context: ssl.SSLContext, config: Config) -> None:
    """Loads the authorities and revocation lists for client certificates, and says whether one is asked for."""
    for name, wanted in (("ca_certs", b"CERTIFICATE-----"), ("crl_file", b"X509 CRL-----")):
        path = getattr(config, name)
        if path is None:
            continue
        what = "certificates" if name == "ca_certs" else "revocation lists"
        text = read_file(path, functools.partial(refused, config, name))
        if wanted not in text:
            raise refused(config, name, f"{path!r} holds no {what} in PEM form{hint(text)}")
        try:
            context.load_verify_locations(path)
        except OSError as error:
            reason = (getattr(error, "reason", None) or error.strerror or str(error)).replace("_", " ").lower()
            raise refused(config, name, f"{path!r} cannot be read as {what}: {reason}") from None
    if config.verify_mode is not None:
        context.verify_mode = config.verify_mode
    if config.verify_flags is not None:
        context.verify_flags = config.verify_flags
    if config.crl_file is not None:
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF


def tls_files(config: Config) -> tuple[str, ...]:
    """The files that the TLS settings name."""
    chains = chains_of(config) if config.certfile is not None or config.certificates else []
    files = [path for chain in chains for path in chain.files]
    files += [path for path in (config.ca_certs, config.crl_file) if path is not None]
    return tuple(dict.fromkeys(files))


def tls_facts(config: Config) -> list[tuple[Chain, Facts]]:
    """The certificates that the settings name, with what they say.

    Raises:
        ConfigError: a file holds none.
    """
    if config.certfile is None and not config.certificates:
        return []
    return [(chain, chain.facts()) for chain in chains_of(config)]


def tls_notices(config: Config) -> list[str]:
    """Lines for the log about what works and will not do what was meant."""
    lines = validity_notices([(chain.certfile, facts) for chain, facts in tls_facts(config)])
    if config.ca_certs is not None and not config.verify_mode:
        lines.append("ca_certs has no effect: no client is asked for a certificate; set verify_mode to CERT_REQUIRED")
    return lines


def validity_notices(certificates: Iterable[tuple[str, Facts]]) -> list[str]:
    """Lines for the log about certificates, given with their files, that have expired or soon will have."""
    told = [(f"{path} ({facts.subject})", validity_notice(facts)) for path, facts in certificates]
    return [f"{name} {notice}" for name, notice in told if notice]


def refused(config: Config, name: str, problem: str) -> ConfigError:
    return ConfigError(problem, setting=name, origin=config.origin(name))
