"""Copy the few front-end files we ship out of node_modules, and check that they are still those.

``python scripts/vendor.py`` copies and writes ``static/vendor/manifest.json`` and the icon sprite
(run ``npm ci`` first). ``python scripts/vendor.py --check`` needs no Node: it recomputes every
hash, and compares with node_modules when that folder is there. There is no bundler.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "static" / "vendor"
MANIFEST = VENDOR / "manifest.json"
SPRITE = ROOT / "static" / "img" / "icons.svg"

# package -> {file shipped: path inside the package}
FILES: dict[str, dict[str, str]] = {
    "htmx.org": {"htmx.min.js": "dist/htmx.min.js"},
    "qr-scanner": {
        "qr-scanner.umd.min.js": "qr-scanner.umd.min.js",
        "qr-scanner-worker.min.js": "qr-scanner-worker.min.js",
    },
}
ICON_PACKAGE = "@phosphor-icons/core"
# fmt: off
ICONS = [
    "arrow-counter-clockwise", "arrows-clockwise", "bell", "calculator", "calendar-check", "camera",
    "car-profile", "caret-down", "caret-left", "caret-right", "chat-circle-dots", "check", "check-circle",
    "clock", "copy", "credit-card", "file-text", "funnel", "gas-pump", "gear", "gift", "hourglass-medium",
    "house", "identification-card", "info", "key", "keyboard", "lightning", "list-checks", "magnifying-glass",
    "map-pin", "minus", "navigation-arrow", "phone", "plus", "qr-code", "question", "receipt", "scales", "scan",
    "seal-check", "shield-check", "sign-out", "star", "steering-wheel", "storefront", "swap", "tag", "text-aa",
    "ticket", "user", "users", "wallet", "warning", "warning-circle", "wifi-slash", "x", "x-circle",
]
FILLED = [
    "car-profile", "house", "star", "storefront", "ticket", "user",
]
# fmt: on


def sri(data: bytes) -> str:
    """Return the sha384 of a file in the form of the ``integrity`` attribute."""
    return "sha384-" + base64.b64encode(hashlib.sha384(data).digest()).decode()


def package(name: str) -> dict[str, Any]:
    """Read what an installed package says about itself."""
    return json.loads((MODULES / name / "package.json").read_text("utf-8"))


def build_sprite() -> bytes:
    """Make one SVG of ``<symbol>`` elements: regular weight, and ``<name>-fill`` for selected tabs."""
    symbols: list[str] = []
    wanted = [(name, "regular", name) for name in ICONS] + [(f"{name}-fill", "fill", f"{name}-fill") for name in FILLED]
    for symbol_id, weight, file_name in sorted(wanted):
        svg = (MODULES / ICON_PACKAGE / "assets" / weight / f"{file_name}.svg").read_text("utf-8")
        match = re.fullmatch(r'<svg [^>]*viewBox="0 0 256 256"[^>]*>(.*)</svg>\s*', svg, re.DOTALL)
        if match is None:
            raise SystemExit(f"unexpected drawing: {file_name}")
        symbols.append(f'<symbol id="{symbol_id}" viewBox="0 0 256 256">{match[1]}</symbol>')
    note = f"<!-- {ICON_PACKAGE} {package(ICON_PACKAGE)['version']}, MIT; made by scripts/vendor.py -->"
    return "\n".join(['<svg xmlns="http://www.w3.org/2000/svg">', note, *symbols, "</svg>", ""]).encode()


def expected() -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return every file to ship (path under static/) and the manifest, as node_modules has them."""
    files: dict[str, bytes] = {}
    entries: dict[str, Any] = {}
    for name, wanted in FILES.items():
        about = package(name)
        folder = f"vendor/{name}@{about['version']}"
        for shipped, source in wanted.items():
            data = (MODULES / name / source).read_bytes()
            files[f"{folder}/{shipped}"] = data
            entries[f"{folder}/{shipped}"] = {
                "name": name,
                "version": about["version"],
                "licence": about["license"],
                "sha384": sri(data),
            }
    sprite = build_sprite()
    about = package(ICON_PACKAGE)
    files["img/icons.svg"] = sprite
    entries["img/icons.svg"] = {
        "name": ICON_PACKAGE,
        "version": about["version"],
        "licence": about["license"],
        "sha384": sri(sprite),
    }
    return files, {"files": entries}


def copy() -> None:
    """Write the files and their manifest."""
    files, manifest = expected()
    for path, data in files.items():
        target = ROOT / "static" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    MANIFEST.write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n", "utf-8")
    print(f"{len(files)} files, {sum(map(len, files.values())):,} bytes")


def problems() -> list[str]:
    """Say what differs between the shipped files, the manifest and (when present) node_modules."""
    listed: dict[str, Any] = json.loads(MANIFEST.read_text("utf-8"))["files"]
    found: list[str] = []
    for path, entry in listed.items():
        target = ROOT / "static" / path
        if not target.is_file():
            found.append(f"missing: static/{path}")
        elif sri(target.read_bytes()) != entry["sha384"]:
            found.append(f"changed: static/{path}")
    shipped = {str(p.relative_to(ROOT / "static")) for p in VENDOR.rglob("*") if p.is_file() and p != MANIFEST}
    found += [f"not in the manifest: static/{path}" for path in sorted(shipped - listed.keys())]
    installed = all((MODULES / name).is_dir() for name in (*FILES, ICON_PACKAGE))
    if installed and expected()[1]["files"] != listed:
        found.append("node_modules has other files than static/vendor: run scripts/vendor.py")
    return found


def main() -> int:
    """Copy, or check with ``--check``; exit 1 when the check finds something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of copying")
    if not parser.parse_args().check:
        copy()
        return 0
    found = problems()
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
