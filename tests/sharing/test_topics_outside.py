"""A special page is found and has a poster for as long as it is shown."""

from datetime import timedelta

from app.core.db import db, transaction
from app.topics.models import Topic, TopicVersion
from tests.booking import shop


def publish(slug: str, starts_in: int, ends_in: int) -> None:
    from app.core import clock

    now = clock.now()
    block = {"id": "b1", "type": "text", "text": "示例", "title": ""}
    with transaction():
        topic = Topic(slug=slug, title="示例专题", description="一句话", draft=[block], created_at=now, updated_at=now)
        db.session.add(topic)
        db.session.flush()
        window = {"from_at": now + timedelta(days=starts_in), "until_at": now + timedelta(days=ends_in)}
        db.session.add(
            TopicVersion(
                topic_id=topic.id,
                no=1,
                title="示例专题",
                description="一句话",
                blocks=[block],
                published_at=now,
                **window,
            )
        )


def test_topics_are_outside_while_they_are_shown(app):
    shop.build()
    publish("now", -1, 1)
    publish("later", 1, 2)
    publish("over", -2, -1)
    client = app.test_client()
    sitemap = client.get("/sitemap.xml").text
    assert "/topics/now</loc>" in sitemap
    assert "/topics/later" not in sitemap
    assert "/topics/over" not in sitemap
    assert client.get("/share/poster/topic/now/poster.jpg").mimetype == "image/jpeg"
    assert [client.get(f"/share/poster/topic/{slug}").status_code for slug in ("now", "later", "over")] == [
        200,
        404,
        404,
    ]
