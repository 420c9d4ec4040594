// Writes ecs-9.4.0.tsv: name, type, `array` where many values are usual, and the values allowed; of
// `event.category` each with the `event.type`s expected beside it.
//
//   npm pack @elastic/ecs@9.4.0 && tar xzf elastic-ecs-9.4.0.tgz
//   node tests/schemas/ecs.cjs package > tests/schemas/ecs-9.4.0.tsv
const path = require("path");
const { EcsFlat } = require(path.resolve(process.argv[2], "generated/ecs_flat.js"));

const value = ({ name, expected_event_types: types }) => (types ? `${name}:${types.join("+")}` : name);
for (const [name, { type, normalize, allowed_values: values }] of Object.entries(EcsFlat)) {
  const columns = [name, type, normalize.includes("array") ? "array" : "", (values || []).map(value).join(",")];
  console.log(columns.join("\t").trimEnd());
}
