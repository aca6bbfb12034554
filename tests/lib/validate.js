// SPDX-License-Identifier: Apache-2.0
// validate.js SCHEMA: validate JSON Lines on stdin against a JSON Schema (draft-07) with ajv.
// Prints "N<TAB>what is wrong" for each line N that does not conform, at most 20, then "checked N".
"use strict";

const fs = require("fs");
const Ajv = require("ajv");

const schema = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const ajv = new Ajv({ allErrors: false, schemaId: "auto", unknownFormats: [], jsonPointers: true });
const conforms = ajv.compile(schema);

function explain(errors) {
  return errors
    .map((e) => `${e.dataPath || "/"} ${e.message} ${JSON.stringify(e.params)}`)
    .join("; ");
}

const lines = fs.readFileSync(0, "utf8").split("\n");
if (lines[lines.length - 1] === "") lines.pop();
let shown = 0;
lines.forEach((line, i) => {
  let fault = null;
  try {
    if (!conforms(JSON.parse(line))) fault = explain(conforms.errors);
  } catch (e) {
    fault = e.message;
  }
  if (fault && shown++ < 20) console.log(`${i + 1}\t${fault}\t${line.slice(0, 400)}`);
});
console.log(`checked ${lines.length}`);
process.exitCode = shown ? 1 : 0;
