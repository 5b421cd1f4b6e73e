// {pages: {path: html}} on standard input; {path: {types, issues}} on the last line of standard output.
// Read by web-auto-extractor, judged by Adobe's validator (what search engines ask of rich results) and by schema.org's own
// vocabulary as schema-dts publishes it: known classes, properties of the class, and the classes a property may lead to.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import WebAutoExtractor from "@marbec/web-auto-extractor";
import Validator from "@adobe/structured-data-validator";

const text = readFileSync(createRequire(import.meta.url).resolve("schema-dts").replace(/schema\.js$/, "schema.d.ts"), "utf8");
const parents = {}, properties = {};
for (const [, name, kind, from, body] of text.matchAll(/interface (\w+?)(Base|Leaf) extends ([^{]+)\{([\s\S]*?)\n\}/g)) {
  const above = [...from.matchAll(/(\w+)Base/g)].map((m) => m[1]).filter((other) => other !== name);
  parents[name] = [...new Set([...(parents[name] ?? []), ...above])];
  if (kind === "Base")
    for (const [, property, range] of body.matchAll(/^ {4}"(\w[\w-]*)"\?: SchemaValue<(.+), "[^"]+">;/gm))
      (properties[property] ??= {})[name] = range.split("|").map((word) => word.trim());
}
const graph = [
  ...Object.entries(parents).map(([name, above]) => ({
    "@id": `schema:${name}`, "@type": "rdfs:Class", "rdfs:subClassOf": above.map((other) => ({ "@id": `schema:${other}` })),
  })),
  ...Object.entries(properties).map(([name, on]) => ({
    "@id": `schema:${name}`, "@type": "rdf:Property", "schema:domainIncludes": Object.keys(on).map((other) => ({ "@id": `schema:${other}` })),
  })),
];
const isA = (name, wanted) => name === wanted || (parents[name] ?? []).some((above) => isA(above, wanted));
const listed = (value) => (Array.isArray(value) ? value : [value]);

// what the vocabulary says about where a property may lead
function ranges(node, path, found) {
  const types = listed(node["@type"]);
  for (const type of types) if (!parents[type]) found.push({ severity: "ERROR", issueMessage: `${path}: no class ${type}` });
  for (const [name, given] of Object.entries(node)) {
    if (name.startsWith("@")) continue;
    const known = types.some((type) => Object.keys(properties[name] ?? {}).some((on) => isA(type, on)));
    if (!known && !/-(in|out)put$/.test(name)) found.push({ severity: "ERROR", issueMessage: `${path}: no property ${name} of ${types}` });
    const allowed = types.flatMap((type) => Object.entries(properties[name] ?? {}).filter(([on]) => isA(type, on)).flatMap(([, range]) => range));
    for (const value of listed(given)) {
      if (typeof value !== "object" || value === null) continue;
      if (!listed(value["@type"]).some((type) => allowed.some((wanted) => isA(type, wanted))))
        found.push({ severity: "ERROR", issueMessage: `${path}.${name}: ${value["@type"]} is none of ${allowed}` });
      ranges(value, `${path}.${name}`, found);
    }
  }
}

const said = {};
const { pages } = JSON.parse(readFileSync(0, "utf8"));
for (const [path, html] of Object.entries(pages)) {
  const read = new WebAutoExtractor({ addLocation: true, embedSource: ["rdfa", "microdata"] }).parse(html);
  // It asks each class of a node for every property; ranges() asks whether one of them has it.
  const cotyped = new Set(Object.values(read.jsonld).flat().flatMap((node) => (Array.isArray(node["@type"]) ? Object.keys(node) : [])));
  const issues = (await new Validator({ "@graph": graph }).validate(read)).filter(
    ({ issueMessage }) => !(/is not supported by the schema.org/.test(issueMessage) && cotyped.has(/"(\w+)"/.exec(issueMessage)[1])),
  );
  const nodes = new Set(Object.values(read.jsonld).flat());
  for (const node of nodes) ranges(node, listed(node["@type"])[0], issues);
  said[path] = {
    types: Object.keys(read.jsonld),
    issues: issues.map(({ severity, issueMessage, path: at, fieldNames }) => ({ severity, issueMessage, at: at?.map((step) => step.property ?? step.type), fieldNames })),
    errors: read.errors ?? [],
  };
}
console.log(JSON.stringify(said));
