"""What stands on our own machines: database, Redis, folders, worker, outbox."""

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from alembic.migration import MigrationContext
from flask import Flask
from limits.errors import ConfigurationError
from limits.storage import storage_from_string
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from app.core import clock, ids, jobs
from app.core.config import Settings
from app.core.db import db
from app.core.errors import GatewayError
from app.core.web import redis_advice
from app.operations import queries

Finding = tuple[str, str, str]
LITTLE, SCARCE = 1024**3, 100 * 1024**2
SKEW_S = 60
PROBE = "doctor/probe"
OLD_S = 600


def database(_app: Flask, _settings: Settings) -> Iterator[Finding]:
    """It answers, its tables are those of this code, it survives a power cut, and its clock agrees."""
    try:
        with db.engine.connect() as connection:
            kind = db.engine.dialect.name
            yield "ok", f"{kind} 可以连接", ""
            present, head = MigrationContext.configure(connection).get_current_revision(), queries.migration_head()
            if present != head:
                yield "failed", f"表结构是 {present or '空的'}，代码需要 {head}", "运行 flask db upgrade"
            else:
                yield "ok", f"表结构是最新的（{head}）", ""
            if kind == "sqlite":
                mode = connection.execute(text("PRAGMA journal_mode")).scalar()
                if mode != "wal":
                    yield (
                        "failed",
                        f"SQLite 的日志模式是 {mode}",
                        "把数据库放在本机磁盘（不是网络盘）上，它会自动改为 WAL",
                    )
                else:
                    yield "ok", "SQLite 使用 WAL", ""
            else:
                moment: Any = connection.execute(text("SELECT CURRENT_TIMESTAMP")).scalar()
                yield from _clock("数据库", moment)
            yield from places(connection)
    except SQLAlchemyError as error:
        yield "failed", f"数据库没有回应：{type(error).__name__}", "检查 DATABASE_URL、账号和网络"


def places(connection: Connection) -> Iterator[Finding]:
    """What the search for the nearest stores needs of this database; silent when all is there."""
    return _sqlite_parts(connection) if connection.dialect.name == "sqlite" else _cube(connection)


def _sqlite_parts(connection: Connection) -> Iterator[Finding]:
    """What the search for the nearest stores needs of SQLite, tried out; nothing is written."""
    advice = "换用带这项功能的 SQLite（系统或 Python 自带的一般都有），或改用 PostgreSQL；现在找不到附近的门店"
    if connection.execute(text("SELECT 1 FROM pragma_module_list WHERE name = 'rtree'")).scalar() is None:
        yield "failed", "SQLite 没有 R*Tree", advice
    try:
        connection.execute(text("SELECT cos(radians(30.2))"))
    except SQLAlchemyError:
        connection.rollback()
        yield "failed", "SQLite 没有数学函数（cos、radians）", advice


def _cube(connection: Connection) -> Iterator[Finding]:
    """The index of places on PostgreSQL stands on the extension cube."""
    if connection.execute(text("SELECT to_regclass('ix_dealers_place')")).scalar() is None:
        if connection.execute(text("SELECT 1 FROM pg_extension WHERE extname = 'cube'")).scalar() is None:
            found, advice = (
                "PostgreSQL 没有扩展 cube",
                "请数据库管理员运行 CREATE EXTENSION cube，再按 docs/operations.md 建索引",
            )
        else:
            found, advice = "PostgreSQL 有扩展 cube，但没有索引 ix_dealers_place", "按 docs/operations.md 建索引"
        yield "warning", f"{found}，附近门店逐个比较距离，较慢", advice


def redis(_app: Flask, settings: Settings) -> Iterator[Finding]:
    """If it is set, it answers."""
    if not settings.redis_url:
        yield "ok", "没有设置 REDIS_URL，请求次数各进程各自计数", ""
        return
    try:
        alive = storage_from_string(settings.redis_url).check()
    except (ConfigurationError, ValueError):
        yield "failed", "REDIS_URL 不能用", redis_advice(settings.redis_url)
        return
    except Exception as error:  # the client's own errors are known only where the package is installed
        yield "failed", f"Redis 没有回应：{type(error).__name__}", "检查 REDIS_URL 和网络"
        return
    if alive:
        yield "ok", "Redis 可以连接", ""
    else:
        yield "failed", "Redis 没有回应", "检查 REDIS_URL 和网络；期间各进程各自计数"


def media(app: Flask, settings: Settings) -> Iterator[Finding]:
    """A picture can be written: into the bucket, if there is one, else into the folder."""
    if settings.media_s3_bucket:
        try:
            app.extensions["storage"].put(PROBE, b"doctor")
        except GatewayError as error:
            if error.code == "NoSuchBucket":
                reason = f"没有名为 {settings.media_s3_bucket} 的存储桶，所有图片都打不开"
                yield "failed", reason, "在存储服务里建这个桶，或改 MEDIA_S3_BUCKET、MEDIA_S3_ENDPOINT"
            else:
                yield "failed", f"存储桶不能写入：{error.code}", "核对 MEDIA_S3_* 各项和桶的权限"
        else:
            yield "ok", f"存储桶 {settings.media_s3_bucket} 可以写入", ""
    folder = Path(settings.media_path)
    yield from _writable(folder, "MEDIA_PATH") or [("ok", f"{folder} 可以写入", "")]


def _writable(folder: Path, setting: str) -> list[Finding]:
    """Nothing where a file can be made in the folder."""
    probe = folder / f".doctor-{ids.token(6)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"doctor")
        probe.unlink()
    except OSError as error:
        return [("failed", f"{folder} 不能写入（{error.strerror}）", f"让运行商城的用户拥有这个目录，或改 {setting}")]
    return []


def disk(_app: Flask, settings: Settings) -> Iterator[Finding]:
    """What must be written can be written, and there is room for the database and the pictures."""
    yield from _writable(Path(settings.jobs_path).parent, "JOBS_PATH")
    yield from _writable(Path(settings.metrics_path), "METRICS_PATH")
    places = {Path(settings.media_path), Path(settings.jobs_path).parent}
    if settings.database_url.startswith("sqlite:///"):
        places.add(Path(settings.database_url.removeprefix("sqlite:///")).parent)
    least = min((shutil.disk_usage(place).free, place) for place in places if place.exists())
    free, place = least
    said = f"{place} 剩余 {free / 1024**3:.1f} GB"
    if free < SCARCE:
        yield "failed", said, "立刻清理或扩容：写不进去时商城会停止接单"
    elif free < LITTLE:
        yield "warning", said, "尽快清理或扩容"
    else:
        yield "ok", said, ""


def worker(app: Flask, _settings: Settings) -> Iterator[Finding]:
    """Every job ran lately and none fails."""
    pulses = queries.pulses(jobs.listed(app), clock.now())
    never = [pulse.job for pulse in pulses if pulse.ran_at is None]
    late = [pulse.job for pulse in pulses if pulse.late and pulse.ran_at is not None]
    failing = [f"{pulse.job}（{pulse.failing}）" for pulse in pulses if pulse.failing]
    if never or late:
        yield "failed", f"没有按时运行：{'、'.join(never + late)}", "启动（或重启）flask worker，看它的日志"
    if failing:
        yield "failed", f"上次运行出错：{'、'.join(failing)}", "在 flask worker 的日志里找 job_failed"
    if not (never or late or failing):
        yield "ok", f"{len(pulses)} 项任务都按时运行", ""


def outbox(_app: Flask, _settings: Settings) -> Iterator[Finding]:
    """Nothing waits for long and nothing was given up."""
    waiting = queries.backlog(clock.now())
    if waiting.oldest_seconds > OLD_S:
        minutes = int(waiting.oldest_seconds // 60)
        yield (
            "failed",
            f"{waiting.due} 条待发，最早的等了 {minutes} 分钟",
            "看 flask worker 是否在运行，对方接口是否正常",
        )
    if waiting.dead:
        yield "warning", f"{waiting.dead} 条多次失败后放弃", "在后台的发件箱里查看原因，处理后重发"
    if waiting.oldest_seconds <= OLD_S and not waiting.dead:
        yield "ok", f"{waiting.due} 条待发，没有积压", ""


def ledger(_app: Flask, _settings: Settings) -> Iterator[Finding]:
    """The last verification found nothing, and was not long ago."""
    found = queries.ledger(clock.now())
    for problem in found.problems:
        yield "failed", problem, "运行 flask ledger verify，与备份和门店保存的日结文件核对，不要改动数据库"
    if found.late:
        yield "warning", f"{found.late} 条账本两天没有核验", "看 flask worker 是否在运行 verify_ledger"
    if found.objections:
        yield "warning", f"{found.objections} 份日结门店有异议", "在后台的账本里查看并答复"
    if not (found.problems or found.late or found.objections):
        yield "ok", f"{found.chains} 条账本，上次核验相符", ""


def _clock(whose: str, moment: datetime) -> Iterator[Finding]:
    skew = abs((clock.now() - moment).total_seconds())
    if skew > SKEW_S:
        yield "failed", f"与{whose}的时钟相差 {skew:.0f} 秒", "两边都打开 NTP 校时（chrony 或 systemd-timesyncd）"
    else:
        yield "ok", f"与{whose}的时钟一致", ""
