# SPDX-License-Identifier: MIT
"""Logs and metrics.

Rows of the table of settings; joined by fastcorn.config.table.
"""

from __future__ import annotations

from fastcorn.config.kinds import Choice, FilePath, LoggerClass, LogTarget, Mapping, Text
from fastcorn.config.setting import Setting

SETTINGS = (
    Setting(
        "accesslog",
        LogTarget(),
        None,
        "Where the access log goes: - is stdout",
        precedents="Hypercorn off, uvicorn stdout",
        flags=("--access-logfile",),
        deprecated=("--access-log",),
        off_flags=("--no-access-log",),
    ),
    Setting(
        "access_log_format",
        Text(metavar="FORMAT", example="%(h)s %(r)s %(s)s"),
        '%(h)s %(l)s %(l)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"',
        "Line of the access log, in gunicorn's atoms",
        flags=("--access-logformat",),
    ),
    Setting(
        "errorlog",
        LogTarget(),
        "-",
        "Where the error log goes: - is stderr",
        flags=("--error-logfile",),
        aliases=("--log-file",),
        deprecated=("--error-log",),
    ),
    Setting(
        "loglevel",
        Choice("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG"),
        "INFO",
        "Least level that is logged",
        flags=("--log-level",),
    ),
    Setting(
        "logconfig",
        FilePath(example="logging.ini or json:logging.json or toml:logging.toml", metavar="FILE"),
        None,
        "File for logging.config: ini, or with json:, toml: or yaml: before its path",
        flags=("--log-config",),
    ),
    Setting("logconfig_dict", Mapping(optional=True), None, "Dictionary for logging.config.dictConfig"),
    Setting("logger_class", LoggerClass(optional=True), None, "Class that replaces fastcorn's logger"),
    Setting(
        "statsd_host",
        Text(optional=True, example="127.0.0.1:8125", metavar="HOST:PORT"),
        None,
        "statsd server for metrics over UDP",
        later="statsd",
    ),
    Setting("statsd_prefix", Text(example="web", metavar="PREFIX"), "", "Prefix of each metric", later="statsd"),
    Setting("dogstatsd_tags", Text(example="env:prod", metavar="TAGS"), "", "Tags of each metric", later="statsd"),
)
