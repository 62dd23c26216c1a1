import { Command } from "commander";
import { lineInstead } from "./swallowed-options";

const command = new Command("npm run tool --")
  .option("--go")
  .option("--limit <N>")
  .option("--no-wait")
  .option("--dry-run");
command.command("list").option("--reason <R...>");
const line = (args: string[], env: Record<string, string>) =>
  lineInstead(command, args, { npm_lifecycle_event: "tool", ...env });

test.each([
  [[], { npm_config_go: "true" }, "npm run tool -- --go"],
  [["x"], { npm_config_dry_run: "true" }, "npm run tool -- --dry-run x"],
  [[], { npm_config_wait: "" }, "npm run tool -- --no-wait"],
  [[], { npm_config_limit: "5" }, "npm run tool -- --limit 5"],
  [["5"], { npm_config_limit: "true" }, "npm run tool -- --limit 5"],
  [[], { npm_config_limit: "true" }, "npm run tool -- --limit N"],
  [["5"], { npm_config_go: "true", npm_config_limit: "true" }, "npm run tool -- --go --limit N"],
  [["list", "schema"], { npm_config_reason: "true" }, "npm run tool -- list --reason schema"],
  [["list"], { npm_config_reason: "true" }, "npm run tool -- list --reason R"],
])("of %j and %j npm has swallowed what %s passes on", (args, env, expected) => {
  expect(line(args, env)).toBe(expected);
});

test("what is given behind --, is no option of the command, or was given to another script is left alone", () => {
  expect(line(["--go"], { npm_config_go: "true" })).toBeUndefined();
  expect(line(["--limit=5"], { npm_config_limit: "7" })).toBeUndefined();
  expect(line([], { npm_config_loglevel: "silent", npm_config_wait: "true" })).toBeUndefined();
  expect(line([], { npm_config_go: "true", npm_lifecycle_event: "test" })).toBeUndefined();
});
