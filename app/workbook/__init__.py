"""数据导入: the workbook by which a brand brings its catalog, dealers and offers in and takes them out."""
