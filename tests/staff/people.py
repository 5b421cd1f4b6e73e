"""Stores and people for tests."""

from datetime import UTC, datetime

from sqlalchemy import select

from app.core.db import db, transaction
from app.dealers.models import Dealer
from app.members.models import Member, WeChatIdentity
from app.staff.models import StaffMember

NOW = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)


def dealer(slug: str, name: str) -> int:
    with transaction() as session:
        row = Dealer(
            slug=slug,
            name=name,
            province="浙江省",
            city="杭州市",
            address="示例路 1 号",
            lat=30.2,
            lng=120.1,
            phone="0571-00000000",
            status="营业",
            updated_at=NOW,
        )
        session.add(row)
        session.flush()
        return row.id


def member() -> int:
    with transaction() as session:
        row = Member(created_at=NOW, last_login_at=NOW)
        session.add(row)
        session.flush()
        return row.id


def staff(dealer_id: int, role: str = "clerk", member_id: int | None = None, name: str = "示例店员丙") -> StaffMember:
    with transaction() as session:
        row = StaffMember(dealer_id=dealer_id, member_id=member_id or member(), name=name, role=role, joined_at=NOW)
        session.add(row)
        session.flush()
        return row


def member_of(openid: str) -> int:
    db.session.rollback()
    return db.session.scalars(select(WeChatIdentity.member_id).where(WeChatIdentity.openid == openid)).one()
