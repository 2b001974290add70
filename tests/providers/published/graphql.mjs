// Serves GitHub's GraphQL schema: a request that is not valid by it is refused, any other one is answered
// with made-up values of the right types. Prints its port.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.argv[2], "index.js"));
const { buildSchema, execute, isCompositeType, isListType, isNonNullType, parse, validate } = require("graphql");
const text = readFileSync(path.join(process.argv[2], "node_modules/@octokit/graphql-schema/schema.graphql"), "utf8");
const schema = buildSchema(text, { assumeValid: true });

function value(type) {
  if (isNonNullType(type)) return value(type.ofType);
  if (isListType(type)) return [value(type.ofType)];
  if (isCompositeType(type)) return {};
  return { Int: 1, Float: 1, Boolean: true, GitObjectID: "0a".repeat(20) }[type.name] ?? "text";
}

function answer(body) {
  const document = parse(body.query);
  const errors = validate(schema, document);
  if (errors.length > 0) return { errors };
  return execute({
    schema,
    document,
    variableValues: body.variables,
    fieldResolver: (source, args, context, info) => value(info.returnType),
  });
}

const server = createServer((request, response) => {
  let text = "";
  request.on("data", (chunk) => (text += chunk));
  request.on("end", () => {
    let said;
    try {
      said = answer(JSON.parse(text));
    } catch (error) {
      said = { errors: [{ message: String(error) }] };
    }
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(said));
  });
});
server.listen(0, "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
