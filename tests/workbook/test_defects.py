"""Every defect gives one clear line and changes nothing."""

import io
import re
import zipfile
from datetime import datetime

import openpyxl
import pytest
from sqlalchemy import func, select

from app.catalog.models import Brand
from app.core.db import db
from app.workbook import services
from app.workbook.errors import WorkbookRefused
from tests.workbook import book
from tests.workbook.book import cell_of, set_cell

CELLS = {
    "one_price_above_guide_price": ("一口价", 2, "一口价元", 169801, "高于指导价"),
    "binding_earnest_above_a_fifth": ("一口价", 3, "订金元", 34561, "20%"),
    "earnest_above_price": ("一口价", 2, "订金元", 200000, "高于一口价"),
    "deal_ends_before_it_starts": ("一口价", 2, "结束时间", datetime(2026, 11, 10, 10), "晚于开始时间"),
    "claiming_ends_before_it_starts": ("券活动", 2, "领取结束", "2026-10-01 00:00", "晚于领取开始"),
    "validity_ends_before_claiming": ("券活动", 2, "有效期", "2026-12-01", "过期"),
    "coordinate_outside_china": ("门店", 2, "经度", 139.69, "不在中国"),
    "longitude_that_is_none": ("门店", 2, "经度", "东经116", "不是经度"),
    "phone_that_is_none": ("门店", 2, "电话", "12345", "不是电话"),
    "hours_that_are_none": ("门店", 2, "营业时间", "早九晚五", "看不懂"),
    "service_that_is_none": ("门店", 2, "服务", "销售；洗头", "洗头"),
    "dealer_named_like_a_page": ("门店", 3, "编号", "nearby", "保留字"),
    "series_of_no_brand": ("车系", 2, "品牌编号", "b9", "“b9”不存在"),
    "colour_of_no_series": ("颜色", 2, "车系编号", "s9", "“s9”不存在"),
    "trim_of_no_series": ("车款", 4, "车系编号", "s9", "“s9”不存在"),
    "deal_of_no_trim": ("一口价", 2, "车款编号", "t9", "“t9”不存在"),
    "deal_at_no_dealer": ("一口价", 3, "参与门店", "d1；d9", "“d9”不存在"),
    "campaign_for_no_series": ("券活动", 2, "适用车系", "s9", "“s9”不存在"),
    "picture_that_is_missing": ("颜色", 3, "图片", "cars/none.png", "找不到"),
    "picture_outside_the_folder": ("颜色", 3, "图片", "../../etc/passwd", "不含 .."),
    "turntable_that_is_missing": ("车系", 3, "环视图", "no-such", "有 0 张"),
    "formula": ("车款", 2, "指导价元", "=169800+1", "公式"),
    "formula_error": ("车款", 2, "指导价元", "#REF!", "公式错误"),
    "negative_price": ("车款", 2, "指导价元", -1, "不是金额"),
    "price_of_zero": ("车款", 2, "指导价元", 0, "大于 0"),
    "price_in_words": ("车款", 2, "指导价元", "面议", "不是金额"),
    "fraction_of_a_fen": ("车款", 2, "指导价元", 169800.123, "两位小数"),
    "required_cell_empty": ("车款", 2, "名称", None, "必填"),
    "class_that_is_none": ("车系", 2, "级别", "轿车", "之一"),
    "colour_value_that_is_none": ("颜色", 2, "色值", "红", "#RRGGBB"),
    "half_a_car": ("一口价", 2, "台数", 2.5, "整数"),
    "day_that_is_none": ("一口价", 2, "开始时间", "2026-02-30 10:00", "不是时间"),
    "yes_or_no_that_is_neither": ("一口价", 2, "未售罄转候补", "也许", "是 或 否"),
    "discount_above_ten": ("券活动", 3, "折扣", 88, "折扣"),
    "discount_coupon_without_discount": ("券活动", 3, "折扣", None, "没有折扣"),
    "cash_coupon_without_value": ("券活动", 2, "面值元", None, "没有面值"),
    "passphrase_missing": ("券活动", 3, "口令", None, "应填口令"),
    "text_too_long": ("车款", 2, "名称", "长" * 81, "80 个字"),
    "code_with_a_slash": ("品牌", 2, "编号", "a/b", "不合规"),
}


@pytest.mark.parametrize("defect", CELLS)
def test_defect_in_a_cell_gives_one_line_and_changes_nothing(refusals, defect):
    sheet, row, title, value, words = CELLS[defect]
    sheets = set_cell(book.small(), sheet, row, title, value)
    lines = refusals(sheets)
    mine = [line for line in lines if line.startswith(cell_of(sheets, sheet, row, title) + ": ")]
    assert len(mine) == 1, lines
    assert words in mine[0]
    assert db.session.scalar(select(func.count()).select_from(Brand)) == 0


def test_swapped_longitude_and_latitude_are_named_as_such(refusals):
    sheets = set_cell(set_cell(book.small(), "门店", 2, "经度", 39.920685), "门店", 2, "纬度", 116.457972)
    assert refusals(sheets) == ["门店!G2: 经度 39.920685 和纬度 116.457972 填反了，应互换"]


def test_duplicate_key_names_the_first_row(refusals):
    sheets = book.small()
    sheets["车款"].append([*sheets["车款"][1]])
    set_cell(sheets, "车款", 5, "编号", "ｔ1")
    sheets["颜色"].append(sheets["颜色"][1])
    sheets["参数"].append(sheets["参数"][1])
    assert refusals(sheets) == [
        "颜色!A4: “s1 外观 砂岩银”与第 2 行重复，应只有一行",
        "车款!A5: “t1”与第 2 行重复，应只有一行",
        "参数!A6: “t1 基本参数 长度”重复，应只有一行",
    ]


def test_spec_of_no_trim_is_named_once(refusals):
    sheets = book.small()
    sheets["参数"] += [["t9", "基本参数", "长度", 1, None], ["t9", "基本参数", "宽度", 1, None]]
    assert refusals(sheets) == ["参数!A6: “t9”不存在，应为“车款”里的编号"]


def test_wide_specs_with_an_unknown_trim_and_a_formula(refusals):
    sheets = book.small()
    sheets["参数"] = [["分组", "项目", "单位", "t1", "t9"], ["基本", "长", "mm", "=1+1", 3]]
    assert refusals(sheets) == [
        "参数!D2: 是公式，应为值（复制后选择性粘贴为“值”）",
        "参数!E2: “t9”不存在，应为“车款”里的编号",
    ]


def test_unknown_missing_and_doubled_columns_are_reported(refusals):
    sheets = book.small()
    sheets["品牌"][0][2] = "英文名称"
    sheets["车款"][0][4] = "编号"
    lines = refusals(sheets)
    assert "品牌!C1: 不认识的列“英文名称”，是否应为“英文名”" in lines
    assert "车款!E1: 列“编号”重复，应只有一列" in lines
    assert "车款!A1: 缺少列“指导价元”，这一列必填" in lines


def test_unknown_sheet_and_cell_without_header_are_reported(refusals):
    sheets = book.small() | {"价格表": [["a"], [1]]}
    sheets["品牌"][1].append("多余")
    lines = refusals(sheets)
    assert lines[0].startswith("价格表!A1: 不认识的工作表")
    assert lines[1].startswith("品牌!E2: 这一列没有表头")


def test_every_problem_is_said_at_once_and_none_twice(refusals):
    sheets = set_cell(book.small(), "车系", 2, "能源", "蒸汽")
    set_cell(sheets, "车款", 3, "指导价元", "x")
    set_cell(sheets, "门店", 2, "电话", "x")
    lines = refusals(sheets)
    assert [line.split(":")[0] for line in lines] == ["车系!E2", "车款!E3", "门店!J2"]
    assert all(re.match(r"\S+![A-Z]+\d+: .+", line) for line in lines)


@pytest.mark.parametrize("content", [b"<svg><script>alert(1)</script></svg>", b"MZ\x90\x00", b"\x89PNG\r\n\x1a\n", b""])
def test_file_that_is_no_picture_is_refused(folder, refusals, content):
    (folder / "cars/b.png").write_bytes(content)
    assert refusals(book.small()) == ["车系!I2: 图片“cars/b.png”不是图片或已损坏，应为 JPEG、PNG、WebP 或 AVIF"]


def test_picture_above_twenty_megabytes_is_refused(folder, refusals):
    with (folder / "cars/b.png").open("r+b") as stream:
        stream.truncate(20 * 1024 * 1024 + 1)
    assert refusals(book.small()) == ["车系!I2: 图片“cars/b.png”有 20.0 MB，应不超过 20 MB"]


def test_link_out_of_the_picture_folder_is_not_followed(folder, refusals, tmp_path):
    (tmp_path / "secret.png").write_bytes((folder / "cars/a.png").read_bytes())
    (folder / "cars/b.png").unlink()
    (folder / "cars/b.png").symlink_to(tmp_path / "secret.png")
    assert "找不到" in refusals(book.small())[0]


def refused(path, media) -> str:
    with pytest.raises(WorkbookRefused) as caught:
        services.import_workbook(path, media)
    (problem,) = caught.value.problems
    assert db.session.scalar(select(func.count()).select_from(Brand)) == 0
    return str(problem)


def with_entry(folder, name: str, content: bytes, suffix: str = ".xlsx"):
    path = book.save_xlsx(book.small(), folder / f"book{suffix}")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return path


def test_workbook_with_a_macro_is_refused(app, folder):
    assert "book.xlsx!A1: 含有宏" in refused(with_entry(folder, "xl/vbaProject.bin", b"x"), folder)


def test_workbook_called_xlsm_is_refused(app, folder):
    path = book.save_xlsx(book.small(), folder / "plain.xlsx").rename(folder / "book.xlsm")
    assert "含有宏" in refused(path, folder)


def test_broken_picture_in_a_zip_is_named(app, folder, tmp_path):
    book.save_xlsx(book.small(), folder / "book.xlsx")
    archive = book.save_zip(folder, tmp_path / "in.zip")
    with zipfile.ZipFile(archive) as entries:
        info = entries.getinfo("cars/b.png")
    content = bytearray(archive.read_bytes())
    start = info.header_offset + 30 + len(info.filename)
    content[start : start + info.compress_size] = bytes(info.compress_size)
    archive.write_bytes(content)
    assert "cars/b.png”在 zip 里已损坏" in refused(archive, folder)


def test_picture_name_that_no_file_can_have_is_missing(refusals):
    assert "找不到" in refusals(set_cell(book.small(), "颜色", 3, "图片", "长" * 180 + ".png"))[0]


def test_zip_bomb_in_a_workbook_is_refused(app, folder):
    assert "压缩炸弹" in refused(with_entry(folder, "xl/media/a.bin", bytes(30_000_000)), folder)


def test_zip_bomb_beside_a_workbook_is_refused(app, folder, tmp_path):
    book.save_xlsx(book.small(), folder / "book.xlsx")
    (folder / "bomb.png").write_bytes(bytes(30_000_000))
    assert "压缩炸弹" in refused(book.save_zip(folder, tmp_path / "in.zip"), folder)


def test_workbook_that_declares_entities_is_refused(app, folder):
    path = with_entry(folder, "xl/extra.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    assert "XML" in refused(path, folder)


def test_workbook_of_a_million_empty_rows_is_refused_at_once(app, folder):
    path = folder / "book.xlsx"
    source = io.BytesIO()
    book_ = openpyxl.Workbook()
    book_.worksheets[0].title = "品牌"
    book_.worksheets[0].append(["编号", "名称"])
    book_.save(source)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            content = old.read(info)
            if info.filename == "xl/worksheets/sheet1.xml":
                rows = b"".join(b'<row r="%d"><c r="A%d" s="0"/></row>' % (n, n) for n in range(2, 1_000_001))
                content = content.replace(b"</sheetData>", rows + b"</sheetData>")
            new.writestr(info, content)
    assert refused(path, folder).startswith("品牌!A2: 第 2 行起有 1000 个以上的空行")


def test_one_value_in_the_last_row_of_an_empty_sheet_is_refused_at_once(app, folder):
    sheets = openpyxl.Workbook()
    sheets.worksheets[0].title = "参数"
    sheets.worksheets[0].append(["车款编号", "分组", "项目"])
    sheets.worksheets[0].cell(1_048_576, 1, "x")
    sheets.save(folder / "book.xlsx")
    assert "空行" in refused(folder / "book.xlsx", folder)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("book.xlsx", b"not a zip", "不是 .xlsx"),
        ("book.xlsx", b"\xd0\xcf\x11\xe0old", "旧版"),
        ("book.zip", b"PK\x03\x04broken", "zip"),
        ("book.txt", b"abc", "不是 .xlsx"),
    ],
)
def test_file_that_is_no_workbook_is_refused(app, folder, name, content, words):
    (folder / name).write_bytes(content)
    assert words in refused(folder / name, folder)


def test_missing_file_and_folder_without_sheets_are_refused(app, folder):
    assert "没有这个文件" in refused(folder / "none.xlsx", folder)
    assert "没有可导入的工作表" in refused(folder, folder)


def test_csv_that_is_binary_or_broken_is_refused(app, folder):
    (folder / "品牌.csv").write_bytes(b"\xff\xff\x00\x81")
    assert "编码" in refused(folder, folder)
    (folder / "品牌.csv").write_bytes('编号,名称\n"a"b,c\n'.encode())
    assert "csv" in refused(folder, folder)


def test_csv_formula_is_refused(app, folder):
    book.save_csv(set_cell(book.small(), "品牌", 2, "名称", '=HYPERLINK("x")'), folder)
    assert refused(folder, folder).startswith("品牌!B2: 是公式")
