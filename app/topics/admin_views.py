"""专题 in the back office: list, create, copy, edit block by block, preview, publish, schedule, take down, history."""

from datetime import datetime
from typing import Any

from flask import Blueprint, Flask, Response, abort, request, url_for

from app.core import backoffice, clock
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.qr import qr_svg
from app.core.security import access
from app.core.web import actor, settings
from app.topics import queries, services
from app.topics.errors import BlockUnfit, EditedMeanwhile
from app.topics.forms import SPARE_ROWS, DetailsForm, NewTopicForm, PublishForm, StepForm, read_block
from app.topics.models import Topic
from app.topics.previews import preview_path
from app.topics.rules import AUDIENCES, BLOCKS, HOME, PHASE_WORDS, BlockType
from app.topics.services import Seen

blueprint = Blueprint("topics_admin", __name__, url_prefix="/admin/topics")


def register(app: Flask) -> None:
    """Called once by the factory."""
    backoffice.register(app, "内容", "首页与专题", "topics_admin.list_topics", "topics")


@blueprint.get("")
@access("admin")
def list_topics() -> Response:
    return _list_page(NewTopicForm())


def _list_page(form: NewTopicForm, status: int = 200) -> Response:
    rows = queries.list_topics(clock.now())
    has_home = any(row.topic.slug == HOME for row in rows)
    return render(
        "topics/admin/list.html", status=status, rows=rows, form=form, words=PHASE_WORDS, has_home=has_home, home=HOME
    )


@blueprint.post("")
@access("admin")
def create_topic() -> Response:
    """A new page; the home page starts as what is shown now, so that nothing has to be typed again."""
    form, now = NewTopicForm(), clock.now()
    if not form.validate():
        return _list_page(form, 422)
    slug = (form.slug.data or "").strip()
    blocks = queries.get_home(now)[0].blocks if slug == HOME else None
    try:
        topic = services.create_topic(actor(), slug, (form.title.data or "").strip(), now, blocks)
    except DomainError as refusal:
        form.slug.errors = [refusal.message]
        return _list_page(form, 422)
    return go(url_for(".edit_topic", topic_id=topic.id))


@blueprint.get("/<int:topic_id>")
@access("admin")
def edit_topic(topic_id: int) -> Response:
    return _editor(topic_id)


def _editor(topic_id: int, status: int = 200, problem: str = "", **forms: Any) -> Response:
    """The page of one topic: its blocks, what it is called, publishing, history. `forms`: those with errors."""
    topic, now = queries.get_topic(topic_id), clock.now()
    names = queries.list_choices()
    return render(
        "topics/admin/edit.html",
        status=status,
        topic=topic,
        problem=problem,
        kinds=BLOCKS,
        audiences=AUDIENCES,
        summary=lambda block: _summary(block, names),
        versions=queries.list_versions(topic_id, now),
        words=PHASE_WORDS,
        address="/" if topic.slug == HOME else f"/topics/{topic.slug}",
        details=forms.get("details") or DetailsForm(formdata=None, obj=topic),
        publish=forms.get("publish") or PublishForm(formdata=None),
        copy=forms.get("copy") or NewTopicForm(formdata=None, title=f"{topic.title[:36]} 副本"),
    )


def _summary(block: dict[str, Any], names: dict[str, dict[str, str]]) -> str:
    """What a block says, in a few words."""
    chosen: list[str] = block["series"] if isinstance(block.get("series"), list) else []
    picked = [names["series"].get(slug) or slug for slug in chosen]
    deals = [names["deals"].get(slug) or slug for slug in block.get("deals", ())]
    rows = [str(row.get("text") or row.get("question")) for row in block.get("items", ())]
    text = block.get("title") or "、".join([*picked, *deals, *rows]) or block.get("text", "")
    return " ".join(str(text).split())[:60]


@blueprint.post("/<int:topic_id>/details")
@access("admin")
def describe(topic_id: int) -> Response:
    form = DetailsForm()
    if not form.validate():
        return _editor(topic_id, 422, details=form)
    title, description = (form.title.data or "").strip(), (form.description.data or "").strip()
    return _step(topic_id, lambda: services.describe_topic(actor(), _seen(topic_id), title, description, clock.now()))


@blueprint.post("/<int:topic_id>/copies")
@access("admin")
def copy(topic_id: int) -> Response:
    form = NewTopicForm()
    if not form.validate():
        return _editor(topic_id, 422, copy=form)
    title, slug = (form.title.data or "").strip(), (form.slug.data or "").strip()
    try:
        made = services.copy_topic(actor(), topic_id, slug, title, clock.now())
    except DomainError as refusal:
        form.slug.errors = [refusal.message]
        return _editor(topic_id, 422, copy=form)
    return go(url_for(".edit_topic", topic_id=made.id))


# ---- blocks ----


@blueprint.get("/<int:topic_id>/blocks/new")
@access("admin")
def new_block(topic_id: int) -> Response:
    kind = BLOCKS.get(request.args.get("type", "")) or abort(404)
    topic = queries.get_topic(topic_id)
    defaults = {field.name: field.default for field in kind.fields if field.default is not None}
    return _block_page(topic, kind, {"for": [], **defaults}, None)


@blueprint.get("/<int:topic_id>/blocks/<block_id>")
@access("admin")
def edit_block(topic_id: int, block_id: str) -> Response:
    topic = queries.get_topic(topic_id)
    block = next((b for b in topic.draft if b["id"] == block_id), None) or abort(404)
    return _block_page(topic, BLOCKS[block["type"]], block, block_id)


@blueprint.post("/<int:topic_id>/blocks")
@access("admin")
def add_block(topic_id: int) -> Response:
    return _save_block(topic_id, None)


@blueprint.post("/<int:topic_id>/blocks/<block_id>")
@access("admin")
def save_block(topic_id: int, block_id: str) -> Response:
    return _save_block(topic_id, block_id)


def _save_block(topic_id: int, block_id: str | None) -> Response:
    kind = BLOCKS.get(request.form.get("type", "")) or abort(404)
    raw = read_block(kind, request.form)
    try:
        services.save_block(actor(), _seen(topic_id), block_id, raw, clock.now())
    except BlockUnfit as refusal:
        return _block_page(queries.get_topic(topic_id), kind, raw, block_id, refusal.problems)
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        return _block_page(queries.get_topic(topic_id), kind, raw, block_id, {"": refusal.message})
    return go(url_for(".edit_topic", topic_id=topic_id) + "#parts")


def _block_page(
    topic: Topic,
    kind: BlockType,
    block: dict[str, Any],
    block_id: str | None,
    problems: dict[str, str] | None = None,
) -> Response:
    """The form of one block, with what was typed when it was refused."""
    return render(
        "topics/admin/block.html",
        status=422 if problems else 200,
        topic=topic,
        kind=kind,
        block=block,
        block_id=block_id,
        problems=problems or {},
        choices=queries.list_choices(),
        audiences=AUDIENCES,
        spare=SPARE_ROWS,
        step=StepForm(formdata=None),
    )


@blueprint.post("/<int:topic_id>/blocks/<block_id>/moves")
@access("admin")
def move_block(topic_id: int, block_id: str) -> Response:
    way = 1 if request.form.get("way") == "down" else -1
    return _step(topic_id, lambda: services.move_block(actor(), _seen(topic_id), block_id, way, clock.now()))


@blueprint.post("/<int:topic_id>/blocks/<block_id>/removal")
@access("admin")
def remove_block(topic_id: int, block_id: str) -> Response:
    return _step(topic_id, lambda: services.remove_block(actor(), _seen(topic_id), block_id, clock.now()))


# ---- publishing ----


@blueprint.get("/<int:topic_id>/preview")
@access("admin")
def preview(topic_id: int) -> Response:
    """The draft at a phone's width, and a link with its QR code to look at it on a phone."""
    path = preview_path(queries.get_topic(topic_id).id)
    link = settings().public_base_url.rstrip("/") + path
    return render("topics/admin/preview.html", topic=queries.get_topic(topic_id), path=path, link=link, qr=qr_svg(link))


@blueprint.post("/<int:topic_id>/versions")
@access("admin")
def publish(topic_id: int) -> Response:
    form, now = PublishForm(), clock.now()
    if not form.validate():
        return _editor(topic_id, 422, publish=form)
    later = form.when.data == "later"
    start, until = _moment(form.start.data if later else None), _moment(form.until.data)
    try:
        services.publish_topic(actor(), _seen(topic_id), now, start, until)
    except DomainError as refusal:
        if refusal.status != 422:
            raise
        target = form[refusal.field] if refusal.field else None
        if target is not None:
            target.errors = [refusal.message]
        return _editor(topic_id, 422, problem="" if target is not None else refusal.message, publish=form)
    return go(url_for(".edit_topic", topic_id=topic_id) + "#versions")


def _moment(wall: datetime | None) -> datetime | None:
    return clock.from_local(wall) if wall else None


@blueprint.post("/<int:topic_id>/versions/<int:no>/restoration")
@access("admin")
def restore(topic_id: int, no: int) -> Response:
    return _step(topic_id, lambda: services.restore_version(actor(), _seen(topic_id), no, clock.now()))


@blueprint.post("/<int:topic_id>/versions/<int:no>/removal")
@access("admin")
def take_down(topic_id: int, no: int) -> Response:
    return _step(topic_id, lambda: services.take_down(actor(), topic_id, no, clock.now()))


@blueprint.post("/<int:topic_id>/end")
@access("admin")
def end(topic_id: int) -> Response:
    return _step(topic_id, lambda: services.take_down(actor(), topic_id, None, clock.now()))


def _step(topic_id: int, do: Any) -> Response:
    """One small change, then the page again; a refusal is a sentence on it."""
    try:
        do()
    except EditedMeanwhile as refusal:
        return _editor(topic_id, 422, problem=refusal.message)
    return go(url_for(".edit_topic", topic_id=topic_id) + "#parts")


def _seen(topic_id: int) -> Seen:
    """What the editor had before their eyes; nonsense is nothing."""
    text = request.form.get("edits", "")
    return Seen(topic_id, int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1)
