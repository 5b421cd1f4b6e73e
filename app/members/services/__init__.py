"""What members do, by noun: log in, prove a phone number, consent, join two accounts, be forgotten."""

from app.members.services.codes import SMS_TOPIC, request_code, sign_in_by_phone, verify_code
from app.members.services.consents import Agreed, record_consent, record_new_consents, withdraw_consent
from app.members.services.erasure import erase_all, erase_own, request_erasure, run_erasures, withdraw_erasure
from app.members.services.holding import hold_member, lock_member
from app.members.services.login import (
    Arrival,
    ask_wechat,
    complete_login,
    end_all_sessions,
    end_session,
    link_identity,
    purge_traces,
)
from app.members.services.merging import merge_members, reassign_own, undo_merge
from app.members.services.profile import adopt_profile

__all__ = [
    "SMS_TOPIC",
    "Agreed",
    "Arrival",
    "adopt_profile",
    "ask_wechat",
    "complete_login",
    "end_all_sessions",
    "end_session",
    "erase_all",
    "erase_own",
    "hold_member",
    "link_identity",
    "lock_member",
    "merge_members",
    "purge_traces",
    "reassign_own",
    "record_consent",
    "record_new_consents",
    "request_code",
    "request_erasure",
    "run_erasures",
    "sign_in_by_phone",
    "undo_merge",
    "verify_code",
    "withdraw_consent",
    "withdraw_erasure",
]
