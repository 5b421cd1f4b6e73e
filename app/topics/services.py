"""The write side of the special pages. Every change names how many edits its author had seen; others are refused."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from app.core import audit, ids, publishing
from app.core.db import changed_rows, db, transaction
from app.core.errors import NotAllowed
from app.core.security import Actor
from app.feedback import services as feedback
from app.topics import queries, rules
from app.topics.errors import (
    BlockUnfit,
    EditedMeanwhile,
    PageEmpty,
    PageTooLarge,
    SlugTaken,
    SlugUnfit,
    TopicNotFound,
    WindowUnfit,
)
from app.topics.models import Topic, TopicVersion
from app.topics.rules import Block, BlockProblem

Change = Callable[[list[Block]], list[Block]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What an editor had before their eyes: the page, and its number of edits."""

    topic_id: int
    edits: int


def _require_operator(actor: Actor) -> None:
    if actor.kind not in {"operator", "system"}:
        raise NotAllowed


def create_topic(actor: Actor, slug: str, title: str, now: datetime, blocks: list[Block] | None = None) -> Topic:
    """A new page that nobody sees yet. SlugUnfit, SlugTaken."""
    _require_operator(actor)
    try:
        rules.check_slug(slug)
    except ValueError as problem:
        raise SlugUnfit(str(problem)) from None
    operator = actor.id if actor.kind == "operator" else None
    topic = Topic(
        slug=slug, title=title, draft=blocks or [], edits=1, created_at=now, updated_at=now, updated_by=operator
    )
    try:
        with transaction() as session:
            session.add(topic)
            session.flush()
            audit.record(actor, "topic_created", "topic", topic.id, slug=slug)
    except IntegrityError:
        raise SlugTaken from None
    return topic


def copy_topic(actor: Actor, topic_id: int, slug: str, title: str, now: datetime) -> Topic:
    """A new page with the draft of another. SlugUnfit, SlugTaken."""
    source = queries.get_topic(topic_id)
    blocks, description = [dict(block) for block in source.draft], source.description
    with transaction():
        topic = create_topic(actor, slug, title, now, blocks)
        topic.description = description
        return topic


def describe_topic(actor: Actor, seen: Seen, title: str, description: str, now: datetime) -> None:
    """Change what a page is called and what search engines read. EditedMeanwhile."""
    with transaction():
        _save(actor, seen, now, title=title, description=description)
        audit.record(actor, "topic_described", "topic", seen.topic_id)


def save_block(actor: Actor, seen: Seen, block_id: str | None, raw: dict[str, Any], now: datetime) -> str:
    """Add a block at the end, or put it in the place of the one with this id; its id.

    BlockUnfit with a sentence for each field, PageTooLarge, EditedMeanwhile.
    """
    try:
        block = rules.check_block(raw, queries.list_choices())
    except BlockProblem as problem:
        raise BlockUnfit(problem.problems) from None
    new_id = block_id or ids.token(4)

    def put(blocks: list[Block]) -> list[Block]:
        entry = {"id": new_id, **block}
        if block_id is None:
            return [*blocks, entry]
        if all(b["id"] != block_id for b in blocks):
            raise TopicNotFound("这个内容块已经被删除，请返回页面查看最新内容。")
        return [entry if b["id"] == block_id else b for b in blocks]

    _change(actor, seen, put, "topic_block_saved", now, block=new_id, type=block["type"])
    return new_id


def move_block(actor: Actor, seen: Seen, block_id: str, step: int, now: datetime) -> None:
    """Move a block one place up (-1) or down (1). EditedMeanwhile."""
    _change(actor, seen, lambda blocks: rules.move(blocks, block_id, step), "topic_block_moved", now, block=block_id)


def remove_block(actor: Actor, seen: Seen, block_id: str, now: datetime) -> None:
    """Take a block out of the draft. EditedMeanwhile."""
    _change(
        actor, seen, lambda blocks: [b for b in blocks if b["id"] != block_id], "topic_block_removed", now,
        block=block_id,
    )  # fmt: skip


def restore_version(actor: Actor, seen: Seen, no: int, now: datetime) -> None:
    """Make the draft what an earlier version was; what visitors see stays until it is published. EditedMeanwhile."""
    version = queries.get_version(seen.topic_id, no)
    blocks, title, description = list(version.blocks), version.title, version.description
    with transaction():
        _save(actor, seen, now, draft=blocks, title=title, description=description)
        audit.record(actor, "topic_restored", "topic", seen.topic_id, no=no)


def publish_topic(
    actor: Actor, seen: Seen, now: datetime, from_at: datetime | None = None, until_at: datetime | None = None
) -> int:
    """Make the draft a version of its own, shown from a moment (now) until another (for good); its number.

    PageEmpty, WindowUnfit, EditedMeanwhile. A start in the past is now.
    """
    _require_operator(actor)
    start = max(from_at or now, now)
    if until_at is not None and until_at <= start:
        raise WindowUnfit
    with transaction() as session:
        # The lock of this page: it makes its version numbers one sequence.
        _save(actor, seen, now)
        topic = queries.get_topic(seen.topic_id)
        if not topic.draft:
            raise PageEmpty
        no = _last_no(topic.id) + 1
        version = TopicVersion(
            topic_id=topic.id, no=no, title=topic.title, description=topic.description, blocks=list(topic.draft),
            from_at=start, until_at=until_at, published_at=now, published_by=actor.id,
        )  # fmt: skip
        session.add(version)
        publishing.bump()
        audit.record(
            actor, "topic_published", "topic", topic.id, no=no, from_at=start.isoformat(),
            until_at=until_at.isoformat() if until_at else None,
        )  # fmt: skip
    return no


def _last_no(topic_id: int) -> int:
    return db.session.scalar(select(func.max(TopicVersion.no)).where(TopicVersion.topic_id == topic_id)) or 0


def take_down(actor: Actor, topic_id: int, no: int | None, now: datetime) -> int:
    """Stop showing one version, or all of a page; how many that were not down yet."""
    _require_operator(actor)
    wanted = update(TopicVersion).where(TopicVersion.topic_id == topic_id, TopicVersion.taken_down_at.is_(None))
    if no is not None:
        wanted = wanted.where(TopicVersion.no == no)
    with transaction():
        count = changed_rows(wanted.values(taken_down_at=now))
        if count:
            publishing.bump()
            audit.record(actor, "topic_taken_down", "topic", topic_id, no=no)
    return count


def _change(actor: Actor, seen: Seen, change: Change, action: str, now: datetime, **detail: Any) -> None:
    """Change the blocks of the draft that the editor saw."""
    with transaction():
        # Ours before it is read: on PostgreSQL the row is locked by the write, on SQLite the database is.
        _save(actor, seen, now)
        topic = queries.get_topic(seen.topic_id)
        blocks = change(list(topic.draft))
        if problem := rules.check_size(blocks):
            raise PageTooLarge(problem)
        changed_rows(update(Topic).where(Topic.id == seen.topic_id).values(draft=blocks))
        audit.record(actor, action, "topic", seen.topic_id, **detail)


def _save(actor: Actor, seen: Seen, now: datetime, **values: Any) -> None:
    """Count one edit and write these columns, unless somebody else edited meanwhile."""
    _require_operator(actor)
    operator = actor.id if actor.kind == "operator" else None
    row = update(Topic).where(Topic.id == seen.topic_id, Topic.edits == seen.edits)
    if changed_rows(row.values(edits=Topic.edits + 1, updated_at=now, updated_by=operator, **values)) == 0:
        queries.get_topic(seen.topic_id)  # says so when the page is gone altogether
        raise EditedMeanwhile


# ---- a whole page at once ----


def import_topic(actor: Actor, entry: dict[str, Any], now: datetime) -> bool:
    """Create or replace a page from plain values and publish it; False when that changes nothing.

    BlockUnfit names each block by its place; SlugUnfit, PageTooLarge, PageEmpty.
    """
    slug, title = str(entry.get("slug", "")), str(entry.get("title", ""))[:40]
    blocks = _checked(entry.get("blocks"))
    description = str(entry.get("description", ""))[:160]
    with transaction():
        topic = queries.find_topic(slug) or create_topic(actor, slug, title or slug, now)
        live = queries.find_live(slug, now)
        if live and _bare(live.blocks) == _bare(blocks) and (live.title, live.description) == (title, description):
            return False
        seen = Seen(topic.id, topic.edits)
        _save(actor, seen, now, draft=blocks, title=title or slug, description=description)
        publish_topic(actor, Seen(topic.id, seen.edits + 1), now)
        audit.record(actor, "topic_imported", "topic", topic.id)
    return True


def _bare(blocks: list[Block]) -> list[Block]:
    return [{key: value for key, value in block.items() if key != "id"} for block in blocks]


def _checked(given: Any) -> list[Block]:
    rows = cast("list[Any]", given) if isinstance(given, list) else []
    known, blocks, problems = queries.list_choices(), list[Block](), dict[str, str]()
    if size := rules.check_size([{"any": row} for row in rows]):
        raise PageTooLarge(size)
    for place, row in enumerate(rows, start=1):
        try:
            blocks.append({"id": ids.token(4), **rules.check_block(_mapping(row), known)})
        except BlockProblem as problem:
            problems.update({f"{place}.{name}": f"第 {place} 块：{words}" for name, words in problem.problems.items()})
    if problems:
        raise BlockUnfit(problems)
    return blocks


def _mapping(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


# ---- what visitors write ----


def answer_form(actor: Actor, slug: str, block_id: str, wish: feedback.Message, now: datetime) -> str:
    """Hand a visitor's answer to a page's form to the inbox; its number. TopicNotFound when the page is over."""
    content = queries.get_live(slug, now)
    block = next((b for b in content.blocks if b["type"] == "form" and b["id"] == block_id), None)
    if block is None:
        raise TopicNotFound
    return feedback.send_feedback(actor, wish, now, topic=block["title"], contact_allowed=bool(block.get("contact")))
