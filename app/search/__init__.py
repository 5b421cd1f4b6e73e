"""搜索: one box over cars, deals and dealers, by Chinese, pinyin and initials."""
