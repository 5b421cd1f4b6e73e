"""Consents, and what a person may see and take along."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.core.db import db, transaction
from app.core.errors import NotFound
from app.members import privacy
from app.members.models import Consent, Member, WeChatIdentity
from app.members.queries import find_openid, has_consent, list_consents
from app.members.services import erase_own, reassign_own, record_consent, withdraw_consent
from tests.members.wechat import csrf, sign_in

NOW = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)


def member() -> int:
    with transaction() as session:
        row = Member(created_at=NOW, last_login_at=NOW, name="张三", phone="13900000000")
        session.add(row)
        session.flush()
        session.add(WeChatIdentity(member_id=row.id, app_id="wx1", openid=f"openid-{row.id}"))
        return row.id


def test_consent_is_kept_once_with_the_hash_of_its_text_until_withdrawn(app):
    who = member()
    first = record_consent(who, "share_with_dealer", "2026-11", "提供给西湖店", "hz-01", now=NOW)
    assert record_consent(who, "share_with_dealer", "2026-11", "提供给西湖店", "hz-01") == first
    assert [len(row.text_hash) for row in list_consents(who)] == [64]
    assert has_consent(who, "share_with_dealer", "hz-01")
    assert not has_consent(who, "share_with_dealer", "hz-02")
    withdraw_consent(who, first, NOW)
    withdraw_consent(who, first, NOW)
    assert not has_consent(who, "share_with_dealer", "hz-01")
    assert record_consent(who, "share_with_dealer", "2026-11", "提供给西湖店", "hz-01") != first
    assert len(list_consents(who)) == 2


def test_consent_to_another_text_is_another_consent(app):
    who = member()
    assert record_consent(who, "terms", "1", "甲") != record_consent(who, "terms", "2", "乙")


def test_consent_of_another_member_cannot_be_withdrawn(app):
    who, stranger = member(), member()
    consent = record_consent(who, "terms", "1", "甲")
    with pytest.raises(NotFound):
        withdraw_consent(stranger, consent, NOW)
    assert has_consent(who, "terms")


def test_page_lists_consents_and_withdraws(client, wechat):
    sign_in(client, wechat)
    who = db.session.scalars(select(Member.id)).one()
    consent = record_consent(who, "terms", "2026-11", "甲", "B20261102001")
    record_consent(who, "share_with_dealer", "2026-11", "乙", "hz-01-slug")
    page = client.get("/me/privacy").text
    assert "预订 B20261102001" in page
    assert "hz-01-slug" not in page
    assert "用户协议与预订条款" in page
    address = f"/me/privacy/consents/{consent}/withdrawal"
    answer = client.post(address, data={"csrf_token": csrf(client, "/me/privacy")})
    assert (answer.status_code, answer.location) == (303, "/me/privacy")
    assert "已撤回" in client.get("/me/privacy").text
    foreign = record_consent(member(), "terms", "2026-11", "甲")
    other = f"/me/privacy/consents/{foreign}/withdrawal"
    assert client.post(other, data={"csrf_token": csrf(client, "/me/privacy")}).status_code == 404


def test_export_holds_what_every_room_registered(client, wechat, monkeypatch):
    monkeypatch.setattr(privacy, "_holders", dict(privacy._holders))
    privacy.register("garage", export=lambda m: {"cars": m}, erase=lambda m, now: None, reassign=lambda a, b: None)
    sign_in(client, wechat)
    who = db.session.scalars(select(Member.id)).one()
    record_consent(who, "terms", "2026-11", "甲")
    answer = client.get("/me/privacy/export")
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["garage"] == {"cars": who}
    assert answer.json["members"]["wechat"][0]["openid"] == "openid-1"
    assert answer.json["members"]["consents"][0]["purpose"] == "terms"


@pytest.mark.both_databases
def test_two_accounts_of_one_person_become_one(app):
    old, new = member(), member()
    record_consent(old, "terms", "1", "甲")
    reassign_own(old, new)
    assert list_consents(old) == []
    assert has_consent(new, "terms")
    assert find_openid(old, "wx1") is None


@pytest.mark.both_databases
def test_erased_member_is_nobody_and_signed_out(app):
    who = member()
    record_consent(who, "terms", "1", "甲")
    erase_own(who, NOW)
    row = db.session.get_one(Member, who)
    assert (row.name, row.nickname, row.phone, row.session_version) == ("", "", None, 2)
    assert find_openid(who, "wx1") is None
    assert db.session.scalars(select(Consent.withdrawn_at)).one() == NOW
