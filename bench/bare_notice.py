"""The limit for notices: a bare Flask view with the same verification and decryption and one durable commit."""

import base64
import json
import os
import sqlite3
import threading
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from flask import Flask, jsonify, request

app = Flask(__name__)
_key = load_pem_public_key(Path(os.environ["WECHATPAY_PUBLIC_KEY_PATH"]).read_bytes())
assert isinstance(_key, RSAPublicKey)
KEY: RSAPublicKey = _key
AES = AESGCM(os.environ["WECHATPAY_API_V3_KEY"].encode())
DATABASE = os.environ["BARE_DATABASE"]
own = threading.local()


def connection() -> sqlite3.Connection:
    if not hasattr(own, "connection"):
        made = sqlite3.connect(DATABASE, isolation_level=None, timeout=15)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=15000"):
            made.execute(f"PRAGMA {pragma}")
        made.execute("CREATE TABLE IF NOT EXISTS notices (id TEXT PRIMARY KEY, number TEXT, total INTEGER)")
        own.connection = made
    return own.connection


@app.get("/")
def alive():
    return "ok"


@app.post("/pay/wechat/notices/payment")
def receive():
    body, head = request.get_data(), request.headers
    message = f"{head['Wechatpay-Timestamp']}\n{head['Wechatpay-Nonce']}\n{body.decode()}\n".encode()
    KEY.verify(base64.b64decode(head["Wechatpay-Signature"]), message, PKCS1v15(), SHA256())
    notice = json.loads(body)
    sealed = notice["resource"]
    plain = json.loads(
        AES.decrypt(
            sealed["nonce"].encode(), base64.b64decode(sealed["ciphertext"]), sealed["associated_data"].encode()
        )
    )
    row = (notice["id"], plain["out_trade_no"], plain["amount"]["total"])
    database = connection()
    database.execute("BEGIN IMMEDIATE")
    database.execute("INSERT OR IGNORE INTO notices VALUES (?, ?, ?)", row)
    database.execute("COMMIT")
    return jsonify(code="SUCCESS", message="成功")
