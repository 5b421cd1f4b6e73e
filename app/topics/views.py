"""首页, the special pages, what is written into their forms, and the preview for phones."""

from datetime import datetime
from typing import Any

from flask import Blueprint, Flask, Response, g, make_response, redirect, request, url_for

from app.booking import queries as booking
from app.core import clock, ids
from app.core.caching import cached_page, good_until
from app.core.errors import DomainError
from app.core.htmx import go, render
from app.core.outside import register_addresses, register_poster
from app.core.security import VISITOR, Actor, access
from app.core.web import content_security_policy, limiter, settings
from app.feedback.forms import MessageForm
from app.feedback.receipts import receipt_path
from app.feedback.services import Message
from app.members.session import current_member
from app.topics import brand, queries, rules, services
from app.topics.errors import TopicNotFound
from app.topics.previews import read_token
from app.topics.queries import Content, Material
from app.topics.richtext import to_html
from app.topics.rules import AUDIENCES, HOME, Block

blueprint = Blueprint("topics", __name__)


def register(app: Flask) -> None:
    """Called once by the factory."""
    brand.register(app)
    register_addresses(app, queries.list_addresses)
    register_poster(app, "topic", queries.find_poster)
    app.jinja_env.filters["rich"] = to_html


@blueprint.get("/")
@access("public")
@cached_page("for")
def show_home() -> Response:
    """首页: the page called home. `for` puts first what is meant for one kind of visitor; the blocks are the same."""
    audience = request.args.get("for", "")
    content, material = queries.get_home(clock.now())
    _good_until(content, material)
    return render("topics/home.html", **_page(content, material, audience if audience in AUDIENCES else None))


@blueprint.get("/topics/<slug>")
@access("public")
def show_topic(slug: str) -> Response:
    """One special page, from its start to its end."""
    return make_response(redirect("/", 301)) if slug == HOME else _show_topic(slug)


@cached_page()
def _show_topic(slug: str) -> Response:
    now = clock.now()
    content = queries.get_live(slug, now)
    material = queries.gather(content.blocks, now)
    _good_until(content, material)
    return render("topics/show.html", **_page(content, material))


def _good_until(content: Content, material: Material) -> None:
    good_until(content.until)
    good_until(material.until)


def _page(content: Content, material: Material, audience: str | None = None) -> dict[str, Any]:
    """What the templates read. Blocks keep their number, so that a browser can arrange them anew."""
    numbered = {block["id"]: n for n, block in enumerate(content.blocks)}
    blocks = rules.arrange(content.blocks, audience)
    first = next((i for i, block in enumerate(blocks) if block["type"] != "hero"), len(blocks))
    return {
        "content": content,
        "material": material,
        "pinned": blocks[:first],
        "blocks": blocks[first:],
        "numbered": numbered,
        "audience": audience,
        "audiences": AUDIENCES,
        "here": "/" if content.slug == HOME else f"/topics/{content.slug}",
    }


@blueprint.get("/topics/stock/<slug>")
@access("public")
def show_stock(slug: str) -> Response:
    """How many units of a deal are left now, a fragment of the deals block."""
    card = booking.get_deal_card(slug, clock.now())
    response = make_response(render("topics/_stock.html", deal=card, fresh=True))
    response.headers["Cache-Control"] = "public, max-age=0, must-revalidate, s-maxage=2"
    return response


# ---- forms ----


@blueprint.get("/topics/<slug>/responses/new")
@access("public")
def new_response(slug: str) -> Response:
    """A page's form, on its own uncached page or as a fragment of it."""
    g.private = True
    block = _form_block(slug, request.args.get("block", ""), clock.now())
    form = MessageForm(formdata=None, page=_address(slug), idempotency_key=ids.token(16))
    return _form_page(slug, block, form)


@blueprint.post("/topics/<slug>/responses")
@access("public")
@limiter.limit("10/minute;300/day")
def send_response(slug: str) -> Response:
    """Hand what was filled in to the inbox."""
    g.private = True
    now = clock.now()
    block, form = _form_block(slug, request.args.get("block", ""), now), MessageForm()
    if form.by_machine:
        return render("feedback/thanks.html")
    if not form.validate():
        return _form_page(slug, block, form, 422)
    message = Message(
        kind="",
        text=form.text.data or "",
        key=form.idempotency_key.data or "",
        page=_address(slug),
        contact=form.contact.data or "",
        consented=bool(form.consent.data),
    )
    try:
        no = services.answer_form(_visitor(), slug, block["id"], message, now)
    except DomainError as refusal:
        if refusal.field is None:
            raise
        form[refusal.field].errors = [refusal.message]
        return _form_page(slug, block, form, 422)
    return go(receipt_path(no))


def _form_block(slug: str, block_id: str, now: datetime) -> Block:
    block = next((b for b in queries.get_live(slug, now).blocks if b["type"] == "form" and b["id"] == block_id), None)
    if block is None:
        raise TopicNotFound
    return block


def _form_page(slug: str, block: Block, form: MessageForm, status: int = 200) -> Response:
    form.text.label.text = block["prompt"]
    action = url_for("topics.send_response", slug=slug, block=block["id"])
    return render("topics/response.html", "topics/_response.html", status=status, block=block, form=form, action=action)


def _address(slug: str) -> str:
    return "/" if slug == HOME else f"/topics/{slug}"


def _visitor() -> Actor:
    member = current_member()
    return Actor("member", member.id) if member else VISITOR


# ---- preview ----


@blueprint.get("/topics/preview/<token>")
@access("public")
def show_preview(token: str) -> Response:
    """The draft as it would look. Nothing that is kept or found by search engines; may be framed by the back office."""
    g.private = True
    topic, now = queries.get_topic(read_token(token)), clock.now()
    content = Content(topic.slug, topic.title, topic.description, list(topic.draft), None)
    page = "topics/home.html" if topic.slug == HOME else "topics/show.html"
    response = render(page, **_page(content, queries.gather(content.blocks, now)), preview=True)
    policy = content_security_policy(settings())
    response.headers["Content-Security-Policy"] = policy.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
