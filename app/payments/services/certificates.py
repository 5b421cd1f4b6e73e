"""Platform certificates: the worker downloads them, every process reads them from the database."""

from datetime import datetime

from sqlalchemy import delete, select

from app.core import clock
from app.core.db import db, transaction
from app.gateways.pay.port import PayGateway
from app.payments.models import PlatformCertificate


def stored() -> dict[str, str]:
    """Serial → PEM of the certificates that are good now. A short read of its own, whatever the caller is doing."""
    good = select(PlatformCertificate.serial, PlatformCertificate.pem).where(
        PlatformCertificate.expires_at > clock.now()
    )
    with db.engine.connect() as connection:
        return {row.serial: row.pem for row in connection.execute(good)}


def refresh(gateway: PayGateway, now: datetime) -> int:
    """Keep the certificates of a merchant who has some fresh: how many are new. Nothing to do in public-key mode."""
    if not gateway.uses_certificates:
        return 0
    found = gateway.download_certificates()
    new = 0
    with transaction() as session:
        session.execute(delete(PlatformCertificate).where(PlatformCertificate.expires_at <= now))
        for one in found:
            if session.get(PlatformCertificate, one.serial) is None:
                session.add(
                    PlatformCertificate(serial=one.serial, pem=one.pem, expires_at=one.expires_at, fetched_at=now)
                )
                new += 1
    return new
