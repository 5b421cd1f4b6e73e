"""A small, whole workbook that tests bend, and the three forms in which it can be handed in."""

import copy
import csv
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
from PIL import Image

from app.gateways.storage.objects import ObjectStorage

Sheets = dict[str, list[list[Any]]]

SMALL: Sheets = {
    "品牌": [["编号", "名称", "英文名", "标志图"], ["b1", "云岫汽车", "Yunxiu", "cars/mark.png"]],
    "车系": [
        ["编号", "品牌编号", "名称", "级别", "能源", "座位数", "卖点", "封面图", "图集", "环视图", "状态"],
        [
            "s1",
            "b1",
            "岫 S5",
            "中型SUV",
            "纯电",
            5,
            "安静；舒展",
            "cars/a.png",
            "cars/a.png；cars/b.png",
            "spin",
            "在售",
        ],
        ["s2", "b1", "岫 R", "跑车", "汽油", 4, None, None, None, None, "即将上市"],
    ],
    "颜色": [
        ["车系编号", "名称", "色值", "内外", "加价元", "图片"],
        ["s1", "砂岩银", "#A8A296", "外观", 0, "cars/a.png"],
        ["s1", "绯云红", "#7A1722", "外观", 2000, None],
    ],
    "车款": [
        ["编号", "车系编号", "年款", "名称", "指导价元", "购置税", "状态", "排序"],
        ["t1", "s1", "2026款", "520 舒享版", 169800, "减半", "在售", 10],
        ["t2", "s1", "2026款", "605 悦享版", 185800, "减半", "在售", 20],
        ["t3", "s2", "2027款", "四驱版", 300000, "全额", "在售", 10],
    ],
    "参数": [
        ["车款编号", "分组", "项目", "值", "单位"],
        ["t1", "基本参数", "长度", 4780, "mm"],
        ["t1", "外部配置", "全景天窗", "○ 4500", None],
        ["t2", "基本参数", "长度", 4780, "mm"],
        ["t2", "外部配置", "全景天窗", "●", None],
    ],
    "门店": [
        [
            "编号",
            "名称",
            "省",
            "市",
            "区县",
            "地址",
            "经度",
            "纬度",
            "坐标系",
            "电话",
            "营业时间",
            "服务",
            "照片",
            "状态",
        ],
        [
            "d1",
            "北京店",
            "北京市",
            "北京市",
            "朝阳区",
            "学府路 1 号",
            116.457972,
            39.920685,
            "GCJ-02",
            "010-00000001",
            "周一-周日 09:00-20:30；2026-10-01 休",
            "销售；试驾",
            None,
            "营业",
        ],
        [
            "d2",
            "上海店",
            "上海市",
            "上海市",
            "闵行区",
            "学府路 2 号",
            121.381709,
            31.112813,
            None,
            "400-000-0002",
            None,
            "售后",
            None,
            None,
        ],
    ],
    "一口价": [
        [
            "编号",
            "车款编号",
            "标题",
            "一口价元",
            "款项类型",
            "订金元",
            "台数",
            "每人限购",
            "开始时间",
            "结束时间",
            "参与门店",
            "说明",
            "未售罄转候补",
        ],
        [
            "p1",
            "t1",
            "年末一口价",
            158800,
            "订金",
            1000,
            50,
            1,
            datetime(2026, 11, 10, 10),
            datetime(2026, 12, 6, 22),
            "全部",
            "订金可退",
            "是",
        ],
        [
            "p2",
            "t2",
            "限量",
            172800,
            "定金",
            5000,
            3,
            1,
            datetime(2026, 11, 10),
            datetime(2026, 12, 31, 23, 59, 59),
            "d1；d2",
            None,
            "否",
        ],
    ],
    "券活动": [
        [
            "编号",
            "标题",
            "类型",
            "面值元",
            "折扣",
            "门槛元",
            "发放总量",
            "每人限领",
            "领取方式",
            "口令",
            "领取开始",
            "领取结束",
            "有效期",
            "适用车系",
            "适用门店",
            "使用场景",
            "可叠加",
            "规则",
        ],
        [
            "c1",
            "试驾礼",
            "代金券",
            3000,
            None,
            0,
            500,
            1,
            "直接领取",
            None,
            datetime(2026, 11, 1),
            datetime(2026, 12, 28, 23, 59, 59),
            "2026-12-31",
            "s1",
            "全部",
            "到店",
            "否",
            "一张",
        ],
        [
            "c2",
            "工时券",
            "折扣券",
            None,
            8.8,
            300,
            100,
            1,
            "口令",
            "山色入座",
            datetime(2026, 11, 1),
            datetime(2026, 12, 28),
            "领取后30天",
            None,
            "d1",
            None,
            "是",
            None,
        ],
    ],
}
PICTURES = ("cars/mark.png", "cars/a.png", "cars/b.png", "spin/f00.png", "spin/f01.png", "spin/f02.png")


def small() -> Sheets:
    return copy.deepcopy(SMALL)


def set_cell(sheets: Sheets, sheet: str, row: int, title: str, value: Any) -> Sheets:
    """Put a value under a title; row 2 is the first one below the header."""
    sheets[sheet][row - 1][sheets[sheet][0].index(title)] = value
    return sheets


def cell_of(sheets: Sheets, sheet: str, row: int, title: str) -> str:
    from openpyxl.utils import get_column_letter

    return f"{sheet}!{get_column_letter(sheets[sheet][0].index(title) + 1)}{row}"


def draw_pictures(folder: Path) -> None:
    """Plain little pictures, each of its own colour."""
    for number, name in enumerate(PICTURES):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGBA", (400, 225), (10 * number, 90, 120, 200)).save(path)


def media_at(folder: Path) -> ObjectStorage:
    """Where an import keeps its pictures."""
    return ObjectStorage.in_folder(folder)


def save_xlsx(sheets: Sheets, path: Path) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def save_csv(sheets: Sheets, folder: Path, encoding: str = "utf-8") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in sheets.items():
        with (folder / f"{name}.csv").open("w", encoding=encoding, newline="") as stream:
            csv.writer(stream).writerows(rows)
    return folder


def save_zip(folder: Path, path: Path, *, inside: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file != path:
                archive.write(file, inside + file.relative_to(folder).as_posix())
    return path
