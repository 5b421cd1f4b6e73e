"""The commands tell marketers what happened and scripts whether it worked."""

from tests.workbook import book


def run(app, *words: object):
    return app.test_cli_runner().invoke(args=[str(word) for word in words])


def test_import_dry_run_export_and_import_again(app, folder, tmp_path):
    path = book.save_xlsx(book.small(), folder / "book.xlsx")
    result = run(app, "import-workbook", path, "--dry-run")
    assert (result.exit_code, "一口价：新增 2，修改 0，撤下 0，未变 0" in result.output) == (0, True)
    assert run(app, "import-workbook", path).exit_code == 0
    assert run(app, "export-workbook", tmp_path / "out.xlsx").exit_code == 0
    result = run(app, "import-workbook", tmp_path / "out.xlsx", "--dry-run")
    assert "新增 0，修改 0，撤下 0，未变 2" in result.output
    moved = run(app, "import-workbook", path, "--dry-run", "--move-dates-to", "2026-11-23")
    assert "修改 p1（开始时间 2026-11-10 10:00:00 → 2026-11-11 10:00:00" in moved.output


def test_problems_come_one_a_line_with_exit_code_1(app, folder):
    sheets = book.set_cell(book.small(), "车款", 2, "指导价元", "x")
    book.set_cell(sheets, "门店", 2, "电话", "x")
    result = run(app, "import-workbook", book.save_xlsx(sheets, folder / "book.xlsx"))
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == ["车款!E2", "门店!J2"]


def test_wrong_words_get_a_sentence(app, folder, tmp_path):
    path = book.save_xlsx(book.small(), folder / "book.xlsx")
    assert "YYYY-MM-DD" in run(app, "import-workbook", path, "--move-dates-to", "soon").output
    assert ".xlsx 或 .zip" in run(app, "export-workbook", tmp_path / "out.pdf").output
    assert "写不了" in run(app, "export-workbook", tmp_path / "no" / "out.xlsx").output


def test_database_without_tables_gets_a_sentence(app, folder):
    from sqlalchemy import text

    from app.core.db import transaction

    with transaction() as session:
        session.execute(text("DROP TABLE spec_items"))
    result = run(app, "import-workbook", book.save_xlsx(book.small(), folder / "book.xlsx"))
    assert result.exit_code == 1
    assert "flask db upgrade" in result.output
