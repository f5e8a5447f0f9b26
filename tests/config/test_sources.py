# SPDX-License-Identifier: MIT
"""Files, environment and flags: which is stronger, what each may hold, and what their mistakes are called."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from fastcorn.config import Config, ConfigError, UnknownSettingError
from fastcorn.config.commandline import parse_command_line
from fastcorn.config.printing import print_config
from fastcorn.config.sources import gather, read_config
from fastcorn.config.table import SETTINGS


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_file_environment_and_flags_in_their_order(tmp_path: Path) -> None:
    file = write(tmp_path / "a.toml", 'backlog = 1\nworkers = 1\nkeep_alive_timeout = 1\nbind = ["localhost:1"]\n')
    line = parse_command_line(["--keep-alive", "3", "-b", "localhost:3", "-b", "localhost:4"])
    config, _ = gather(line.values, {"FASTCORN_WORKERS": "2", "FASTCORN_KEEP_ALIVE_TIMEOUT": "2"}, file)
    assert (config.backlog, config.workers, config.keep_alive_timeout) == (1, 2, 3.0)
    assert config.bind == ["localhost:3", "localhost:4"]
    assert [config.origin(name) for name in ("backlog", "workers", "keep_alive_timeout", "bind", "user")] == [
        file, "FASTCORN_WORKERS", "--keep-alive", "-b", "default",
    ]  # fmt: skip


def test_the_application_may_come_from_the_file(tmp_path: Path) -> None:
    file = write(tmp_path / "a.toml", 'application_path = "main:app"\n')
    assert gather([], {"FASTCORN_CONFIG": file})[0].application_path == "main:app"


def test_pyproject_has_a_table(tmp_path: Path) -> None:
    file = write(tmp_path / "pyproject.toml", '[project]\nname = "x"\n[tool.fastcorn]\nbacklog = 5\n')
    assert read_config(file).backlog == 5
    bare = write(tmp_path / "sub.toml", "[tool.fastcorn]\nbacklog = 6\n")
    assert read_config(bare).backlog == 6
    (tmp_path / "other").mkdir()
    empty = write(tmp_path / "other" / "pyproject.toml", '[project]\nname = "x"\n')
    with pytest.raises(ConfigError, match=r"pyproject.toml: has no \[tool.fastcorn\] table"):
        read_config(empty)


def test_python_files_hold_settings_among_other_names(tmp_path: Path) -> None:
    text = "import os\nfrom pathlib import Path\nBASE = 3\n_hidden = 4\ndef helper(): pass\nbacklog = BASE\n"
    file = write(tmp_path / "settings.py", text)
    assert read_config(f"file:{file}").backlog == 3
    assert read_config(file).given() == ["backlog"]
    assert Config.from_pyfile(file).origin("backlog") == file


def test_python_modules_and_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        tmp_path / "fc_settings_a.py",
        "import os\nbacklog = 3\nclass production:\n    backlog = 4\n    def f(self): ...\n",
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert read_config("python:fc_settings_a").backlog == 3
    assert read_config("python:fc_settings_a.production").backlog == 4
    assert read_config("python:fc_settings_a:production").backlog == 4
    assert Config.from_object("fc_settings_a").backlog == 3
    assert Config.from_object(SimpleNamespace(backlog=5)).backlog == 5
    assert read_config("python:fc_settings_a").origin("backlog") == "python:fc_settings_a"


def test_a_config_object_keeps_its_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "from fastcorn.config import Config\nclass Mine(Config):\n    graceful_timeout = 5\n"
        "    def create_ssl_context(self): return 'mine'\nconfig = Mine(backlog=7)\n"
    )
    write(tmp_path / "fc_settings_b.py", text)
    monkeypatch.syspath_prepend(tmp_path)
    config = read_config("python:fc_settings_b.config")
    assert (config.backlog, config.graceful_timeout) == (7, 5.0)
    assert str(config.create_ssl_context()) == "mine"
    assert config.origin("backlog") == "python:fc_settings_b.config"
    assert Config.from_object(config).backlog == 7
    config.bind.append("localhost:1")
    assert sys.modules["fc_settings_b"].config.bind == ["127.0.0.1:8000"]


def test_a_configuration_knows_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / "fc_files").mkdir()
    module = write(
        tmp_path / "fc_files" / "settings.py", "from fastcorn.config import Config\nworkers = 2\n_own = Config()"
    )
    write(tmp_path / "fc_files" / "__init__.py", "")
    write(tmp_path / "a.toml", "workers = 2")
    assert read_config("a.toml").files == [str(tmp_path / "a.toml")]
    assert read_config("file:fc_files/settings.py").files == [module]
    for name in ("fc_files.settings", "fc_files.settings._own", "fc_files.settings:_own"):
        assert read_config(f"python:{name}").files == [module]
    assert Config(workers=2).files == []
    for name in ("fc_files", "fc_files.settings"):
        del sys.modules[name]


def test_general_variables_are_weaker_than_their_own() -> None:
    environment = {"PORT": "5000", "WEB_CONCURRENCY": "3", "FORWARDED_ALLOW_IPS": "10.0.0.1,10.0.0.2"}
    config, _ = gather([], environment)
    assert config.bind == ["0.0.0.0:5000"]
    assert config.origin("bind") == "PORT"
    assert config.workers == 3
    assert config.forwarded_allow_ips == ["10.0.0.1", "10.0.0.2"]
    stronger = {"FASTCORN_BIND": "localhost:1", "FASTCORN_WORKERS": "0"}
    config, _ = gather([], {**stronger, **environment})
    assert (config.bind, config.workers) == (["localhost:1"], 0)


def test_empty_variables_are_not_set_and_unknown_ones_are_warned_about() -> None:
    environment = {
        "FASTCORN_BACKLOG": "", "PORT": "", "FASTCORN_WORKER": "3", "FASTCORN_PORT": "tcp://10.0.0.1:8000",
        "FASTCORN_SERVICE_HOST": "10.0.0.1", "FASTCORN_SANITIZE": "1", "OTHER": "1",
    }  # fmt: skip
    config, warnings = gather([], environment)
    assert config.given() == []
    assert warnings == ["the environment variable FASTCORN_WORKER is no setting; did you mean workers?"]


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("FASTCORN_BACKLOG", "many", "FASTCORN_BACKLOG: must be a whole number, not 'many'; for example 100"),
        ("WEB_CONCURRENCY", "many", "WEB_CONCURRENCY: workers: must be a whole number or auto, not 'many'"),
        ("PORT", "tcp://10.0.0.1:80", "PORT: bind: must be a port from 0 to 65535, not 'tcp://10.0.0.1:80'"),
        ("PORT", "70000", "PORT: bind: must be a port"),
        ("FASTCORN_CONFIG", "/nonexistent.toml", "/nonexistent.toml: cannot be read: no such file or directory"),
    ],
)
def test_mistakes_in_the_environment_name_the_variable(variable: str, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        gather([], {variable: text})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "backlg = 5\n", "a.toml: there is no setting 'backlg'; did you mean backlog?"),
        ("a.toml", "timeout_keep_alive = 5\n", "a.toml: there is no setting 'timeout_keep_alive'; did you mean keep_"),
        ("a.toml", 'backlog = "5"\n', "a.toml: backlog: must be a whole number, not '5'"),
        ("a.toml", "backlog = 5\nworkers = \n", "a.toml: is not valid TOML: Invalid value (at line 2, column"),
        ("a.toml", "[tls]\ncertfile = 'a'\n", "a.toml: [tls] holds [[tls.certificate]] only, not 'certfile'; write"),
        ("a.toml", "tls = 5\n", "a.toml: there is no setting 'tls'"),
        ("a.toml", "[[tls.certificate]]\nfile = 'a'\n", "a.toml: certificates: must not have 'file' in certificate 1"),
        ("a.toml", "certificates = []\n[[tls.certificate]]\n", "certificates: [[tls.certificate]] is there too; use"),
        ("a.toml", 'bind = ["localhost:99999"]\n', "a.toml: bind: port 99999 of 'localhost:99999' is out of range"),
        ("a.toml", "keep_alive_timeout = nan\n", "a.toml: keep_alive_timeout: must be from 0s to"),
        ("pyproject.toml", "[tool.fastcorn]\nbacklog = true\n", "pyproject.toml: backlog: must be a whole number"),
        (
            "a.py",
            "backlog = 5\nworkers = oops\n",
            "a.py: cannot be run: NameError: name 'oops' is not defined (line 2)",
        ),
        ("a.py", "backlog = 5\nif\n", "a.py: cannot be run: SyntaxError: invalid syntax (line 2)"),
        ("a.py", "backlg = 5\n", "a.py: there is no setting 'backlg'; did you mean backlog?"),
    ],
)
def test_mistakes_in_files_name_the_file(name: str, text: str, message: str, tmp_path: Path) -> None:
    file = write(tmp_path / name, text)
    with pytest.raises(ConfigError) as caught:
        read_config(file)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"backlog = 1 # \xe9\n")
    (tmp_path / "deep.toml").write_text("a = " + "[" * 100_000, encoding="utf-8")
    for name, message in [
        ("missing.toml", "cannot be read: no such file"),
        ("latin.toml", "cannot be read: it is not UTF-8 at byte 14"),
        ("deep.toml", "is not valid TOML"),
        (".", "cannot be read: is a directory"),
        ("a\0b.toml", "cannot be read"),
    ]:
        with pytest.raises(ConfigError, match=message):
            read_config(str(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("python:fc_no_such_module", "cannot be imported: No module named 'fc_no_such_module'"),
        ("python:os.nothing", "cannot be imported: AttributeError"),
        ("python:fc_no_such_module.x", "cannot be imported: No module named 'fc_no_such_module'"),
        ("python:fc_broken", "python:fc_broken: cannot be imported: ZeroDivisionError"),
        ("python:", "cannot be imported"),
    ],
)
def test_objects_that_cannot_be_imported(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "fc_broken.py", "1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError) as caught:
        read_config(name)
    assert message in str(caught.value)


def test_from_mapping_takes_keywords_too() -> None:
    assert Config.from_mapping({"backlog": 5}, workers=0).given() == ["backlog", "workers"]
    assert Config.from_mapping().given() == []
    with pytest.raises(UnknownSettingError, match="backlog"):
        Config.from_mapping({"backlg": 5})


def test_a_statsd_prefix_of_a_file_is_kept_without_the_flag(tmp_path: Path) -> None:
    file = write(tmp_path / "a.toml", 'statsd_prefix = "web"\n')
    config, _ = gather(parse_command_line(["--statsd-host", "localhost:8125"]).values, {}, file)
    assert config.statsd_prefix == "web"


def test_what_is_printed_is_a_file_again(tmp_path: Path) -> None:
    config = Config(
        bind=["localhost:1", "unix:/a b".replace(" ", "")], umask=0o27, write_timeout=None, errorlog=None,
        headers=["X-A: \"quoted\" \\ \t é"], logconfig_dict={"version": 1, "a b": {"x": [1, True, "y\n"]}},
        access_log_format="%(h)s 'x' \"y\"", verify_mode="CERT_REQUIRED", verify_flags="VERIFY_CRL_CHECK_LEAF",
        graceful_timeout=2.5, server_header="",
    )  # fmt: skip
    text = print_config(config)
    again = Config.from_toml(write(tmp_path / "again.toml", text))
    assert {name: getattr(again, name) for name in SETTINGS} == {name: getattr(config, name) for name in SETTINGS}


def test_print_config_names_each_source_and_no_secret() -> None:
    config, _ = gather(parse_command_line(["-w0"]).values, {"FASTCORN_KEYFILE_PASSWORD": "hush"})
    text = print_config(config)
    rows = {line.split(" = ")[0].lstrip("#"): line for line in text.splitlines() if " = " in line}
    assert list(rows) == list(SETTINGS)
    assert rows["workers"].split("#")[-1].strip() == "-w"
    assert rows["backlog"].split("#")[-1].strip() == "default"
    assert "hush" not in text
    assert rows["keyfile_password"].endswith("# FASTCORN_KEYFILE_PASSWORD")


def test_values_that_only_python_holds_are_printed_as_comments() -> None:
    import logging

    config = Config(errorlog=logging.getLogger("x"), logger_class=logging.Logger, logconfig_dict={"a": object})
    lines = print_config(config).splitlines()
    assert any(line.startswith("#errorlog = logger x") for line in lines)
    assert any(line.startswith("#logger_class = logging:Logger") for line in lines)
    assert any(line.startswith("#logconfig_dict = ") for line in lines)
