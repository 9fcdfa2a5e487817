"""How one installation is set up: defaults, then `settings.toml` in its home, then QBWC_... variables."""

import os
from datetime import timedelta
from pathlib import Path

import platformdirs
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from qbwc_server.errors import Problem
from qbwc_server.store.database import sqlite_url

FILE = "settings.toml"
DATABASE_FILE = "qbwc.sqlite"
LOCAL_URL = "http://localhost:8085/qbwc"


class Settings(BaseSettings):
    """The settings of an installation. Durations are in seconds unless their name says otherwise."""

    model_config = SettingsConfigDict(env_prefix="QBWC_", extra="forbid", frozen=True)

    home: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("qbwc-server")))
    # Empty: a SQLite file in the home. PostgreSQL: postgresql+psycopg://user:password@host/database
    database_url: str = ""
    # What the Web Connector calls; written into .qwc files and the WSDL.
    public_url: str = LOCAL_URL
    # Largest SOAP body; QuickBooks answers are paged, so this is a guard, not a working size.
    max_body_mb: int = Field(default=200, ge=1, le=2000)
    poll_seconds: int = Field(default=300, ge=5, le=31_536_000)
    keep_log_days: int = Field(default=30, ge=1, le=36_500)
    # Proxies in front whose X-Forwarded-... headers are believed; 0 believes none.
    proxies: int = Field(default=0, ge=0, le=5)
    log_level: str = "INFO"

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, level: str) -> str:
        if level.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise ValueError("one of DEBUG, INFO, WARNING, ERROR")
        return level.upper()

    @property
    def database(self) -> str:
        return self.database_url or sqlite_url(self.home / DATABASE_FILE)

    @property
    def max_bytes(self) -> int:
        return self.max_body_mb * 1_000_000

    @property
    def poll_every(self) -> timedelta:
        return timedelta(seconds=self.poll_seconds)

    @property
    def keep_exchanges(self) -> timedelta:
        return timedelta(days=self.keep_log_days)


def load_settings(home: Path | None = None) -> Settings:
    """The settings of the installation in `home`, of QBWC_HOME, or of the user's data folder.

    Raises Problem with a sentence for each wrong setting.
    """
    chosen = home or _home_from_environment()
    try:
        return _with_file(chosen / FILE)(home=chosen)
    except ValidationError as wrong:
        raise Problem(_sentence(chosen, wrong)) from wrong
    except RecursionError as wrong:
        raise Problem(f"{chosen / FILE} is nested too deeply. Correct it or delete it.") from wrong
    except (SettingsError, ValueError, OSError) as wrong:
        raise Problem(f"{chosen / FILE} cannot be read: {wrong}. Correct it or delete it.") from wrong


def _home_from_environment() -> Path:
    given = os.environ.get("QBWC_HOME", "")
    return Path(given) if given else Path(platformdirs.user_data_dir("qbwc-server"))


def _with_file(path: Path) -> type[Settings]:
    class FromFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            file = TomlConfigSettingsSource(settings_cls, path if path.exists() else None)
            return init_settings, env_settings, file

    return FromFile


def _sentence(home: Path, wrong: ValidationError) -> str:
    each = [
        f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}"
        for error in wrong.errors(include_url=False)
    ]
    return (
        f"The settings of {home} are wrong. " + "; ".join(each) + f". See {home / FILE} and QBWC_ variables."
    )
