"""Files through obstore: a folder of this machine, or a bucket of any provider that speaks S3."""

import mimetypes
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, S3Store

from app.core.config import Settings, half_set_storage
from app.core.errors import ConfigError, GatewayError
from app.gateways.storage.port import PROVIDER

# A shopper waits for a picture no longer than this; what was asked for twice is not asked for a third time.
CLIENT: Final = {"timeout": "10s", "connect_timeout": "3s"}
NO_BUCKET: Final = "NoSuchBucket"
RETRIES: Final = {"max_retries": 2, "retry_timeout": timedelta(seconds=8)}


class ObjectStorage:
    """Implements `port.Storage` on one of obstore's stores."""

    def __init__(self, store: Any) -> None:
        self._store = store

    @classmethod
    def from_settings(cls, settings: Settings) -> "ObjectStorage":
        """The bucket that the settings name, else the folder. ConfigError when a bucket is named by halves."""
        if missing := half_set_storage(settings):
            raise ConfigError("\n".join(missing))
        if not settings.media_s3_bucket:
            return cls.in_folder(settings.media_path)
        store = S3Store(
            settings.media_s3_bucket,
            endpoint=_endpoint(settings),
            region=settings.media_s3_region,
            access_key_id=settings.media_s3_access_key,
            secret_access_key=settings.media_s3_secret_key.get_secret_value(),
            virtual_hosted_style_request=not settings.media_s3_path_style,
            client_options={**CLIENT, "allow_http": settings.media_s3_endpoint.startswith("http://")},  # pyright: ignore[reportArgumentType]
            retry_config=RETRIES,  # pyright: ignore[reportArgumentType]
        )
        return cls(store)

    @classmethod
    def in_folder(cls, folder: Path) -> "ObjectStorage":
        """A folder, which is made when it is not there."""
        return cls(LocalStore(prefix=folder.resolve(), mkdir=True))

    def put(self, key: str, content: bytes) -> None:
        kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
        attributes = {} if isinstance(self._store, LocalStore) else {"Content-Type": kind}
        try:
            self._store.put(key, content, attributes=attributes, use_multipart=False)
        except FileNotFoundError as error:
            raise _failed(error, NO_BUCKET) from error
        except (BaseError, OSError, ValueError) as error:
            raise _failed(error) from error

    def get(self, key: str) -> bytes | None:
        try:
            return bytes(self._store.get(key).bytes())
        except FileNotFoundError as error:
            if NO_BUCKET in str(error):  # S3 says 404 for both; one picture is missing, or all of them are
                raise _failed(error) from error
            return None
        except (BaseError, OSError, ValueError) as error:
            raise _failed(error) from error

    def names(self, folder: str) -> set[str]:
        try:
            found = self._store.list(f"{folder}/").collect()
        except FileNotFoundError:
            return set()
        except (BaseError, OSError, ValueError) as error:
            raise _failed(error) from error
        return {str(entry["path"]).rpartition("/")[2] for entry in found}


def _endpoint(settings: Settings) -> str:
    """The address that is spoken to: it carries the bucket where providers name it in the host."""
    scheme, _, host = settings.media_s3_endpoint.partition("://")
    own = f"{settings.media_s3_bucket}."
    return (
        f"{scheme}://{own}{host}"
        if not settings.media_s3_path_style and not host.startswith(own)
        else f"{scheme}://{host}"
    )


def _failed(error: Exception, code: str = "") -> GatewayError:
    first = str(error).strip().splitlines()
    code = code or (NO_BUCKET if NO_BUCKET in str(error) else "")
    # A bucket that refuses or is not there does so again: the settings are wrong.
    settled = bool(code) or isinstance(error, (PermissionDeniedError, UnauthenticatedError))
    return GatewayError(PROVIDER, code or type(error).__name__, first[0][:200] if first else "", retryable=not settled)
