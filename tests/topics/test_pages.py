"""Home and special pages as visitors get them."""

import re
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import event

from app.booking.models import OnePriceDeal
from app.catalog.models import Series, Trim
from app.core import publishing
from app.core.db import db, transaction
from app.core.security import SYSTEM, Actor
from app.feedback.models import Feedback
from app.topics import services
from app.topics.services import Seen
from tests.booking import shop
from tests.client import Shopper
from tests.coupons.campaigns import campaign

NOW = shop.NOW
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def still_clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def publish(slug: str, *blocks: dict[str, object], now=NOW, **window: object) -> int:
    """A page that is shown; its id."""
    topic = services.create_topic(SYSTEM, slug, "样例页", now)
    edits = 1
    for block in blocks:
        services.save_block(SYSTEM, Seen(topic.id, edits), None, dict(block), now)
        edits += 1
    services.publish_topic(SYSTEM, Seen(topic.id, edits), now, **window)  # pyright: ignore[reportArgumentType]
    return topic.id


def text_block(text: str) -> dict[str, object]:
    return {"type": "rich", "title": "一段话", "text": text}


def order(page: str) -> list[str]:
    return re.findall(r'class="block" data-n="(\d+)"', page)


def test_home_of_an_empty_shop_says_so(app):
    page = Shopper(app).page("/")
    assert "展厅正在布置" in page
    assert "看看门店" in page


def test_a_fresh_import_has_a_whole_home_page(app):
    shop.build()
    page = Shopper(app).page("/")
    for word in ("样例", "岫 S5", "厂商指导价", "限时一口价", "已订", "附近门店", "选择城市", "/search", "看真车"):
        assert word in page
    assert page.count("限时一口价") == 2  # the heading and its label


@pytest.mark.parametrize("audience", ["buyer", "owner", "browser"])
def test_who_one_is_changes_the_order_of_the_same_blocks(app, audience):
    shop.build()
    shopper = Shopper(app)
    plain, chosen = shopper.page("/"), shopper.page(f"/?for={audience}")
    assert sorted(order(plain)) == sorted(order(chosen))
    assert order(plain) == sorted(order(plain))
    assert 'aria-current="true"' in chosen
    assert shopper.page("/?for=<b>") == plain


def test_orders_of_buyers_and_owners_differ(app):
    shop.build()
    shopper = Shopper(app)
    assert order(shopper.page("/?for=buyer")) != order(shopper.page("/?for=owner"))


def test_home_sets_no_cookie_and_is_the_same_for_everyone(app):
    shop.build()
    client = app.test_client()
    first = client.get("/")
    assert "Set-Cookie" not in first.headers
    assert "csrf" not in first.text
    client.set_cookie("city", "x")
    assert client.get("/").text == first.text


@pytest.mark.parametrize("path", ["/", "/topics/all"])
def test_a_page_takes_five_statements_at_most(app, path):
    shop.build()
    blocks = [
        {"type": "hero", "title": "好", "series": "s5"},
        {"type": "deals"},
        {"type": "series"},
        {"type": "coupons"},
    ]
    publish("all", *blocks, text_block("好"), {"type": "dealers"})
    client = app.test_client()
    client.get(path)
    with transaction():
        publishing.bump()
    statements: list[str] = []
    client.get("/series")  # the brand's name is looked up once for each published number

    def count(_c, _cursor, statement, *_rest):
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", count)
    assert client.get(path).status_code == 200
    event.remove(db.engine, "before_cursor_execute", count)
    asked = [s for s in statements if s != "BEGIN"]
    assert len(asked) <= 4, asked  # and one on the bare driver, for the published number
    assert all(s.lstrip().upper().startswith("SELECT") for s in asked), asked


def test_a_published_home_replaces_the_built_in_one(app):
    shop.build()
    shopper = Shopper(app)
    assert "我们的承诺" not in shopper.page("/")
    publish("home", text_block("我们的承诺"))
    page = shopper.page("/")
    assert "我们的承诺" in page
    assert "限时一口价" not in page
    assert shopper.http.get("/topics/home").headers["Location"] == "/"


def test_injected_markup_is_not_shown(app):
    publish("x", text_block('<p onclick="a()">好<script>bad()</script><img src=x onerror=bad()></p>'))
    page = Shopper(app).page("/topics/x")
    assert "好" in page
    assert "bad()" not in page
    assert "onclick" not in page


def test_a_page_is_there_from_its_start_to_its_end(app, still_clock):
    publish("gala", text_block("好戏"), from_at=NOW + HOUR, until_at=NOW + 2 * HOUR)
    shopper = Shopper(app)
    assert "还没有开始" in shopper.page("/topics/gala", status=404)
    still_clock.move_to(NOW + HOUR)
    assert "好戏" in shopper.page("/topics/gala")
    still_clock.move_to(NOW + 2 * HOUR - timedelta(seconds=1))
    assert "好戏" in shopper.page("/topics/gala")
    still_clock.move_to(NOW + 2 * HOUR)
    shopper.page("/topics/gala", status=404)


def test_a_weekend_home_gives_way_by_itself_even_from_the_cache(app, still_clock):
    home = publish("home", text_block("平日"))
    services.save_block(SYSTEM, Seen(home, 3), None, text_block("周末"), NOW)
    services.publish_topic(SYSTEM, Seen(home, 4), NOW, NOW + HOUR, NOW + 2 * HOUR)
    shopper = Shopper(app)
    assert "周末" not in shopper.page("/")
    still_clock.move_to(NOW + HOUR)
    assert "周末" in shopper.page("/")
    still_clock.move_to(NOW + 2 * HOUR)
    assert "周末" not in shopper.page("/")


def test_a_deal_that_ended_leaves_the_kept_page(app, still_clock):
    shop.build()
    shopper = Shopper(app)
    assert "限时一口价" in shopper.page("/")
    still_clock.move_to(NOW + timedelta(days=5))
    assert "限时一口价" not in shopper.page("/")


def test_units_left_are_a_fragment_of_their_own(app):
    built = shop.build(units=10)
    shopper = Shopper(app)
    shopper.page("/")
    shop.place(built, shop.member())
    assert re.search(r"余 <span class=\"num\">9<", shopper.fragment(f"/topics/stock/{built.deal}"))
    shopper.fragment("/topics/stock/none", status=404)


def test_every_type_of_block_is_drawn(app):
    shop.build()
    with transaction() as session:
        deal = session.query(OnePriceDeal).one()
        assert deal.slug == "d1"
    publish(
        "full",
        {"type": "hero", "title": "第一行\n第二行", "series": "s5", "action": "看车"},
        {"type": "quick", "items": [{"text": "看车型", "link": "/series", "icon": "tag"}]},
        {"type": "deals", "deals": ["d1"], "title": "只此一台"},
        {"type": "series", "series": ["s5"], "title": "主角"},
        {"type": "hero", "title": "又一个"},
        text_block("- 一\n- 二"),
        {"type": "faq", "title": "问答", "items": [{"question": "能退吗？", "answer": "能。"}]},
        {"type": "form", "title": "提问", "prompt": "您的问题", "button": "提交问题"},
        {"type": "dealers", "title": "门店"},
    )
    page = Shopper(app).page("/topics/full")
    for word in ("第一行<br>第二行", "只此一台", "主角", "<li>一</li>", "能退吗？", "提交问题", "又一个"):
        assert word in page
    assert page.count("<h1") == 1


def form_page(shopper: Shopper) -> tuple[str, str, dict[str, str]]:
    address = re.search(r'href="(/topics/ask/responses/new\?block=\w+)"', shopper.page("/topics/ask"))
    assert address
    page = shopper.page(address[1])
    hidden = dict(re.findall(r'name="(csrf_token|idempotency_key)"[^>]*value="([^"]+)"', page))
    return re.search(r'<form method="post" action="([^"]+)"', page)[1].replace("&amp;", "&"), page, hidden  # pyright: ignore


def ask(**fields: object) -> None:
    publish("ask", {"type": "form", "title": "试驾意向", "prompt": "哪天方便？", "button": "提交", **fields})


def test_a_form_goes_to_the_inbox_with_the_pages_name(app):
    ask(contact="1")
    shopper = Shopper(app)
    action, page, hidden = form_page(shopper)
    assert "哪天方便？" in page
    answer = shopper.http.post(action, data={**hidden, "text": "周六下午", "contact": "微信 sample", "consent": "y"})
    assert answer.status_code == 303
    again = shopper.http.post(action, data={**hidden, "text": "周六下午", "contact": "微信 sample", "consent": "y"})
    assert again.headers["Location"] == answer.headers["Location"]
    db.session.rollback()  # what this test read before is older than the answer
    row = db.session.query(Feedback).one()
    assert (row.topic, row.kind, row.page, row.contact) == ("试驾意向", "form", "/topics/ask", "微信 sample")
    assert row.consented_at == NOW
    assert "周六下午" in shopper.page(answer.headers["Location"])


def test_a_contact_needs_its_own_tick_and_a_form_without_contact_keeps_none(app):
    ask()
    shopper = Shopper(app)
    action, page, hidden = form_page(shopper)
    assert 'name="contact"' not in page
    shopper.http.post(action, data={**hidden, "text": "周六下午", "contact": "13900000000", "consent": "y"})
    db.session.rollback()
    assert db.session.query(Feedback).one().contact == ""


def test_a_form_of_an_ended_page_is_gone(app):
    ask()
    shopper = Shopper(app)
    action, _, hidden = form_page(shopper)
    topic = db.session.query(services.Topic).one()
    services.take_down(SYSTEM, topic.id, None, NOW)
    assert shopper.http.post(action, data={**hidden, "text": "周六下午"}).status_code == 404


@pytest.mark.parametrize(
    "path", ["/topics/%00", "/topics/" + "x" * 300, "/topics/preview/forged", "/topics/x/responses/new"]
)
def test_absurd_addresses_are_not_found(app, path):
    Shopper(app).page(path, status=404)


def test_visitors_and_clerks_may_not_publish(app):
    from app.core.errors import NotAllowed

    for actor in (Actor("member", 1), Actor("staff", 1, "manager", 1), Actor("visitor")):
        with pytest.raises(NotAllowed):
            services.create_topic(actor, "x", "x", NOW)


def test_a_hero_whose_car_is_gone_gives_way_to_the_next_on_sale(app):
    shop.build()
    publish("home", {"type": "hero", "title": "旧车已到店", "series": "s5", "action": "看车"})
    shopper = Shopper(app)
    assert "旧车已到店" in shopper.page("/")
    with transaction() as session:
        old = session.query(Series).one()
        new = Series(slug="n7", brand_id=old.brand_id, name="岫 N7", body_class="MPV", energy="纯电", status="在售")
        new.updated_at, old.status = NOW, "下架"
        session.add(new)
        session.flush()
        row = Trim(series_id=new.id, slug="n7-a", model_year="2026款", name="版", msrp_fen=20_000_000, status="在售")
        session.add(row)
        publishing.bump()
    page = shopper.page("/")
    assert "旧车已到店" not in page
    assert "<h1>岫 N7</h1>" in page
    assert 'href="/series/n7"' in page
    with transaction() as session:
        row.status = "停售"
        session.add(row)
        publishing.bump()
    shopper.page("/")


def test_what_opens_a_form_does_not_say_that_it_sends(app):
    publish("ask", {"type": "form", "title": "试驾意向", "prompt": "哪天方便？", "button": "提交"})
    page = Shopper(app).page("/topics/ask")
    assert "去填写" in page
    assert "提交" not in page


def test_a_coupon_leads_to_its_page_by_the_words_that_are_read_out(app):
    shop.build()
    campaign("tap", title="一点就领")
    campaign("scan", title="扫码才有", way="扫码")
    publish("c", {"type": "coupons"})
    page = Shopper(app).page("/topics/c")
    for slug, words, title in (("tap", "去领取", "一点就领"), ("scan", "怎么领", "扫码才有")):
        link = re.search(rf'<a[^>]*href="/coupons/{slug}"[^>]*>([^<]*)<', page)
        assert link
        assert link[1] == words
        assert f'aria-label="{words} {title}"' in link[0]
