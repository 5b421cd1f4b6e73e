"""A workbook is handed in as .xlsx, as a folder of csv, or as a zip; what people type is understood."""

import pytest
from sqlalchemy import select

from app.booking.models import OnePriceDeal
from app.core.db import db
from app.workbook import services
from tests.workbook import book
from tests.workbook.book import media_at, set_cell


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_folder_says_the_same_as_the_workbook(bring, folder, tmp_path, encoding):
    bring(book.small())
    book.save_csv(book.small(), folder, encoding)
    assert services.import_workbook(folder, media_at(tmp_path / "media")).changes == 0


@pytest.mark.parametrize("inside", ["", "资料/"])
def test_zip_of_workbook_and_pictures_is_enough(app, folder, tmp_path, inside):
    book.save_xlsx(book.small(), folder / "book.xlsx")
    (folder / ".DS_Store").write_bytes(b"x")
    archive = book.save_zip(folder, tmp_path / "in.zip", inside=inside)
    assert services.import_workbook(archive, media_at(tmp_path / "media")).changes == 24


def test_zip_of_csv_is_enough(app, folder, tmp_path):
    book.save_csv(book.small(), folder)
    archive = book.save_zip(folder, tmp_path / "in.zip")
    assert services.import_workbook(archive, media_at(tmp_path / "media")).changes == 24


def test_pictures_may_lie_in_a_folder_of_their_own(app, folder, tmp_path):
    path = book.save_xlsx(book.small(), tmp_path / "book.xlsx")
    assert services.import_workbook(path, media_at(tmp_path / "media"), pictures=folder).changes == 24


def test_what_people_type_is_understood(bring):
    bring(book.small())
    sheets = book.small()
    for title, value in {
        "一口价元": " １５.８８ 万 ",
        "订金元": "¥1,000",
        "台数": "５０台",
        "开始时间": "2026年11月10日 10:00",
        "结束时间": "2026/12/6 22:00:00",
        "未售罄转候补": "Y",
        "参与门店": " 全部 ",
    }.items():
        set_cell(sheets, "一口价", 2, title, value)
    set_cell(sheets, "一口价", 3, "参与门店", "d2;d1")
    set_cell(sheets, "一口价", 3, "开始时间", 46336)
    set_cell(sheets, "车系", 2, "级别", "中型suv")
    set_cell(sheets, "门店", 2, "经度", "１１６.457972")
    set_cell(sheets, "门店", 2, "电话", "（010）00000001")
    set_cell(sheets, "颜色", 2, "色值", "a8a296")
    set_cell(sheets, "券活动", 3, "折扣", "88%")
    set_cell(sheets, "券活动", 3, "有效期", "领取后 30 日")
    sheets["一口价"].insert(1, [None] * 13)
    assert bring(sheets).changes == 0


def test_day_alone_as_end_means_the_whole_day(bring):
    bring(set_cell(book.small(), "一口价", 2, "结束时间", "2026-12-06"))
    ends = db.session.scalar(select(OnePriceDeal.ends_at).where(OnePriceDeal.slug == "p1"))
    assert ends is not None
    assert ends.isoformat() == "2026-12-06T16:00:00+00:00"


def test_column_named_after_its_meaning_is_accepted(bring):
    bring(book.small())
    sheets = book.small()
    sheets["一口价"][0][-1] = "售罄转候补"
    assert bring(sheets).changes == 0


def test_sheet_of_explanations_and_empty_sheet_may_stay(bring):
    sheets = book.small()
    sheets["说明"] = [["请按列填写"]]
    sheets["Sheet1"] = []
    assert bring(sheets).changes == 24


def test_words_kept_in_the_shared_table_of_excel_are_read(bring, folder, tmp_path):
    """Excel keeps words in one table (openpyxl writes them in place); one of them has letters in two fonts."""
    import re
    import zipfile

    bring(book.small())
    path, shared = folder / "excel.xlsx", folder / "shared.xlsx"
    book.save_xlsx(book.small(), path)
    words: list[bytes] = []

    def point(match: re.Match[bytes]) -> bytes:
        words.append(match[3])
        return match[1] + b't="s"' + match[2] + b"><v>%d</v></c>" % (len(words) - 1)

    main = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(shared, "w") as new:
        parts = {info.filename: old.read(info) for info in old.infolist()}
        for name in [name for name in parts if name.startswith("xl/worksheets/sheet")]:
            cell = rb'(<c [^>]*?)t="inlineStr"([^>]*)><is><t[^>]*>(.*?)</t></is></c>'
            parts[name] = re.sub(cell, point, parts[name], flags=re.DOTALL)
        texts = [b"<si><t>%s</t></si>" % word for word in words]
        first = words.index("全景天窗".encode())
        texts[first] = "<si><r><t>全景</t></r><r><t>天窗</t></r></si>".encode()
        parts["xl/sharedStrings.xml"] = b'<sst xmlns="%s">%s</sst>' % (main, b"".join(texts))
        parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(
            b"</Types>",
            b'<Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-officedocument'
            b'.spreadsheetml.sharedStrings+xml"/></Types>',
        )
        for name, content in parts.items():
            new.writestr(name, content)
    assert len(words) > 100
    assert services.import_workbook(shared, media_at(tmp_path / "media")).changes == 0
