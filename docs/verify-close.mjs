// Checks a daily close with nothing but node: `node verify-close.mjs close.json keys.json [rows.json]`.
// close.json and rows.json: 门店工作台 → 日结核对 → 下载. keys.json: /ledger/keys.json, best a copy of your own.
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const [close, keys, rows] = process.argv.slice(2).map((name) => JSON.parse(readFileSync(name, "utf8")));
const fail = (text) => { console.error(text); process.exit(1); };
const key = keys.keys.find((one) => one.key === close.key) ?? fail("the key is not on the list");
const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), Buffer.from(key.public_key, "base64")]);
const publicKey = createPublicKey({ key: der, format: "der", type: "spki" });
const good = verify(null, Buffer.from(close.signed), publicKey, Buffer.from(close.signature, "base64"));
if (!good) fail("the signature does not belong to this text");
const said = JSON.parse(close.signed);
let previous = rows?.previous;
for (const [...fields] of rows?.rows ?? []) {
  const digest = fields.pop();
  const text = JSON.stringify([...fields, previous]);
  if (createHash("sha256").update(text).digest("hex") !== digest) fail(`row ${fields[2]} does not give its hash`);
  previous = digest;
}
if (rows && previous !== said.head) fail("the last row is not the one that was signed");
console.log(`ok: ${said.day}, rows ${said.first_seq} to ${said.last_seq}`);
