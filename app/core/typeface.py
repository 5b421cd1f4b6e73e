"""The font of posters and print sheets: a subset of Noto Sans SC with all of GB 2312 (SIL Open Font License, `fonts`).

It is ours because a server need not have any Chinese font. WOFF and not WOFF2, which takes fontTools eight seconds to
open. A name with a rarer character is set in the system's CJK font where there is one.
"""

from pathlib import Path
from typing import Final

FONT: Final = Path(__file__).parent / "fonts" / "noto-sans-sc-gb2312.woff"
SYSTEM_FONTS: Final = tuple(
    Path(folder) / name
    for folder in ("/usr/share/fonts/opentype/noto", "/usr/share/fonts/noto-cjk", "/usr/share/fonts/truetype/wqy")
    for name in ("NotoSansCJK-Medium.ttc", "NotoSansCJK-Regular.ttc", "wqy-zenhei.ttc")
)
EXTRA: Final = frozenset("¥￥–—…·“”‘’％℃①②③④⑤●○✓×→")


def covered(text: str) -> bool:
    """Whether our own font has every character."""
    plain = "".join(c for c in text if c not in EXTRA and c > "\x7f")
    try:
        plain.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def file_for(text: str) -> Path:
    """Our font, or the system's where the text has a character that ours lacks."""
    return FONT if covered(text) else next((p for p in SYSTEM_FONTS if p.is_file()), FONT)
