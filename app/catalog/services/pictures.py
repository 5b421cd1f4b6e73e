"""Pictures of a series, as the back office uploads, orders and removes them; and what derives missing files.

Files are stored first and outside of any transaction: they are named by their content and harmless alone.
"""

import re
from datetime import datetime
from pathlib import PurePath

import structlog
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from app.catalog import pictures
from app.catalog.errors import PictureRefused, SeriesNotFound
from app.catalog.models import Colour, Picture, Series, SeriesPicture
from app.catalog.pictures import PictureError, StoredPicture
from app.core import audit, publishing
from app.core.db import changed_rows, db, transaction
from app.core.errors import GatewayError
from app.core.security import Actor
from app.gateways.storage.port import Storage

log = structlog.get_logger(__name__)
MAX_GALLERY = 30
COVER, GALLERY = "cover", "gallery"
GONE = "这张图片刚刚被移走了，请刷新页面后再试。"
_SEPARATORS = re.compile(r"[\x00-\x1f\x7f；;/\\:]+")


def upload_picture(
    slug: str, place: str, file_name: str, content: bytes, storage: Storage, actor: Actor, now: datetime
) -> Picture:
    """Keep a picture and put it in its place: `cover`, `gallery`, or the id of a colour.

    PictureRefused in one sentence, SeriesNotFound; nothing has changed then.
    """
    if not content:
        raise PictureRefused("这个文件是空的，请重新选择。")
    try:
        stored = pictures.store(content, storage)
    except PictureError as error:
        raise PictureRefused(f"这个文件{error}。") from None
    with transaction() as session:
        series = _locked(session, slug)
        picture = _kept(session, picture_name(slug, file_name, stored), stored)
        _put(session, series, place, picture)
        _published(session, series, actor, now, "series_picture_placed", place=place, picture=picture.name)
        return picture


def keep_picture(folder: str, file_name: str, content: bytes, storage: Storage) -> Picture:
    """Keep a picture that other rooms put somewhere; the same content in the same folder is the same row.

    PictureRefused in one sentence; nothing is kept then.
    """
    if not content:
        raise PictureRefused("这个文件是空的，请重新选择。")
    try:
        stored = pictures.store(content, storage)
    except PictureError as error:
        raise PictureRefused(f"这个文件{error}。") from None
    with transaction() as session:
        return _kept(session, picture_name(folder, f"{stored.digest[:8]}-{file_name[-60:]}", stored), stored)


def picture_name(slug: str, file_name: str, stored: StoredPicture) -> str:
    """The name in the workbook: the series' folder and the file's own name, without what separates names there."""
    plain = _SEPARATORS.sub("-", PurePath(file_name.replace("\\", "/")).name).strip(" .-")
    return f"{slug}/{plain[-100:] or stored.digest[:12]}"


def remove_from_gallery(slug: str, view_id: int, actor: Actor, now: datetime) -> None:
    """Take a picture out of a series' gallery; the picture itself stays, old versions of the workbook name it."""
    with transaction() as session:
        series = _locked(session, slug)
        gone = delete(SeriesPicture).where(
            SeriesPicture.id == view_id, SeriesPicture.series_id == series.id, SeriesPicture.kind == GALLERY
        )
        if changed_rows(gone) != 1:
            raise PictureRefused(GONE)
        _published(session, series, actor, now, "series_picture_removed", view=view_id)


def move_in_gallery(slug: str, view_id: int, step: int, actor: Actor, now: datetime) -> None:
    """Move a picture of the gallery one place up (-1) or down (+1); at the end it stays where it is."""
    with transaction() as session:
        series = _locked(session, slug)
        views = list(
            session.scalars(
                select(SeriesPicture)
                .where(SeriesPicture.series_id == series.id, SeriesPicture.kind == GALLERY)
                .order_by(SeriesPicture.position)
            )
        )
        index = next((i for i, view in enumerate(views) if view.id == view_id), None)
        if index is None:
            raise PictureRefused(GONE)
        other = index + (1 if step > 0 else -1)
        if not 0 <= other < len(views):
            return
        one, two = views[index], views[other]
        one_position, two_position = one.position, two.position
        # The order is unique at every moment: one of the two steps aside for the other.
        for view, position in ((one, -1), (two, one_position), (one, two_position)):
            changed_rows(update(SeriesPicture).where(SeriesPicture.id == view.id).values(position=position))
        _published(session, series, actor, now, "series_picture_moved", view=view_id)


def derive_missing(storage: Storage, most: int = 20) -> int:
    """Make the files of pictures that came before their formats did; how many pictures were completed.

    A picture whose original is gone stays as it is and is named in the log.
    """
    frames = select(SeriesPicture.picture_id).where(SeriesPicture.kind == "frame")
    waiting = db.session.execute(
        select(Picture.id, Picture.digest, Picture.id.in_(frames))
        .where(Picture.forms.not_in([pictures.FORMS, pictures.FRAME_FORMS]))
        .order_by(Picture.id)
    ).all()
    db.session.rollback()
    done = 0
    for picture_id, digest, frame in waiting:
        if done == most:
            break
        try:
            stored = pictures.derive_again(digest, storage, frame=bool(frame))
        except (GatewayError, PictureError) as error:
            log.warning("picture_not_derived", picture_id=picture_id, reason=str(error)[:120])
            continue
        with transaction():
            row = update(Picture).where(Picture.id == picture_id, Picture.digest == digest)
            done += changed_rows(row.values(widths=stored.widths, forms=stored.forms))
            publishing.bump()
    return done


def _locked(session: Session, slug: str) -> Series:
    series = session.scalars(select(Series).where(Series.slug == slug).with_for_update()).one_or_none()
    if series is None:
        raise SeriesNotFound
    return series


def _kept(session: Session, name: str, stored: StoredPicture) -> Picture:
    """The row of a picture: the one of this name if it is the same picture, a new one, or a refusal."""
    picture = session.scalars(select(Picture).where(Picture.name == name)).one_or_none()
    if picture is not None and picture.digest != stored.digest:
        file_name = name.rpartition("/")[2]
        raise PictureRefused(f"已经有另一张图片叫“{file_name}”，请给文件改个名字再上传。")
    if picture is None:
        picture = Picture(name=name, digest=stored.digest, width=stored.width, height=stored.height)
        picture.widths, picture.forms, picture.bytes = stored.widths, stored.forms, stored.bytes
        session.add(picture)
        session.flush()
    return picture


def _put(session: Session, series: Series, place: str, picture: Picture) -> None:
    if place == COVER:
        changed_rows(update(Series).where(Series.id == series.id).values(cover_id=picture.id))
    elif place == GALLERY:
        _append(session, series, picture)
    else:
        colour_id = int(place) if re.fullmatch(r"[0-9]{1,18}", place) else 0
        mine = (Colour.id == colour_id, Colour.series_id == series.id, Colour.withdrawn.is_(False))
        if changed_rows(update(Colour).where(*mine).values(picture_id=picture.id)) != 1:
            raise PictureRefused("没有找到这个颜色，它可能刚刚撤下，请刷新页面后再试。", field="place")


def _append(session: Session, series: Series, picture: Picture) -> None:
    mine = (SeriesPicture.series_id == series.id, SeriesPicture.kind == GALLERY)
    count, last = session.execute(select(func.count(), func.max(SeriesPicture.position)).where(*mine)).one()
    if session.scalar(select(SeriesPicture.id).where(*mine, SeriesPicture.picture_id == picture.id).limit(1)):
        raise PictureRefused("这张图片已经在图集里了。")
    if count >= MAX_GALLERY:
        raise PictureRefused(f"图集最多 {MAX_GALLERY} 张，请先移除一张再添加。")
    values = {"series_id": series.id, "picture_id": picture.id, "kind": GALLERY, "position": (last or 0) + 1}
    session.execute(insert(SeriesPicture).values(**values))


def _published(session: Session, series: Series, actor: Actor, now: datetime, action: str, **detail: object) -> None:
    changed_rows(update(Series).where(Series.id == series.id).values(updated_at=now))
    audit.record(actor, action, "series", series.id, **detail)
    publishing.bump()
