"""In which order the blocks stand, and which there are before anybody made a home page."""

from app.topics.rules.blocks import AUDIENCES, Block


def arrange(blocks: list[Block], audience: str | None) -> list[Block]:
    """The same blocks in the order for one kind of visitor: heroes at the top stay, then what is meant for them."""
    first = next((i for i, block in enumerate(blocks) if block["type"] != "hero"), len(blocks))
    pinned, rest = blocks[:first], blocks[first:]
    if audience not in AUDIENCES:
        return [*blocks]
    return [*pinned, *(b for b in rest if audience in b["for"]), *(b for b in rest if audience not in b["for"])]


def move(blocks: list[Block], block_id: str, step: int) -> list[Block]:
    """The blocks with one of them moved by one place; at the end of the list nothing happens."""
    place = next((i for i, block in enumerate(blocks) if block["id"] == block_id), None)
    moved = [*blocks]
    if place is not None and 0 <= place + step < len(blocks):
        moved[place], moved[place + step] = moved[place + step], moved[place]
    return moved


def default_home(hero: tuple[str, str, str] | None) -> list[Block]:
    """The home page before anybody made one. `hero`: address, name and kind of the series on the stage."""
    blocks: list[Block] = []
    if hero:
        slug, name, about = hero
        title = f"{name}\n到店看真车"
        blocks.append(
            {
                "id": "hero",
                "type": "hero",
                "for": [],
                "series": slug,
                "eyebrow": about,
                "title": title,
                "action": "看这台车",
            }
        )
    rows = (
        ("预约试驾", "/test-drives", "steering-wheel"),
        ("一口价", "/deals", "tag"),
        ("找门店", "/dealers", "storefront"),
        ("算月供", "/tools/loan", "calculator"),
    )
    quick = [{"text": text, "link": link, "icon": icon} for text, link, icon in rows]
    blocks += [
        {"id": "quick", "type": "quick", "for": ["owner"], "items": quick},
        {"id": "deals", "type": "deals", "for": ["buyer"], "title": "限时一口价", "limit": 2},
        {"id": "series", "type": "series", "for": ["browser"], "title": "车型", "filters": True},
        {"id": "dealers", "type": "dealers", "for": ["owner"], "title": "附近门店"},
    ]
    return blocks
