import type { Command, Option } from "commander";

/**
 * npm takes an option for its own where `--` is forgotten, and leaves its value, or nothing, to the program: what was
 * asked for would silently not be done. Where that has happened to one of the command's options, the line to type instead.
 *
 * @param command its name is what people type before its options, such as `npm run dlq --`
 */
export function lineInstead(command: Command, args: readonly string[], env: NodeJS.ProcessEnv): string | undefined {
  const name = command.name().replace(/ --$/, "");
  // A program that npm has not run under this name, but another program of npm's: the options were that one's.
  if (env["npm_lifecycle_event"] !== name.split(" ").at(-1)) return undefined;
  const [word = ""] = args;
  const subcommand = command.commands.find((each) => each.name() === word);
  const swallowed = [command, ...command.commands]
    .flatMap(({ options }) => options)
    .filter((option, at, all) => all.findIndex(({ long }) => long === option.long) === at)
    .filter((option) => isSwallowed(option, env) && !args.some((arg) => arg.split("=")[0] === option.long));
  if (swallowed.length === 0) return undefined;
  const given = swallowed.map((option) => asTyped(option, env));
  const rest = subcommand ? args.slice(1) : args;
  // Of `--limit 5` npm has taken the first word alone.
  const isValue = swallowed.length === 1 && rest.length === 1 && given[0]?.includes(" ");
  const words = isValue ? [swallowed[0]?.long, ...rest] : [...given, ...(swallowed.some(takesValue) ? [] : rest)];
  return [name, "--", ...(subcommand ? [word] : []), ...words].join(" ");
}

/** `--no-sample` is an empty `npm_config_sample`, `--dry-run` a `npm_config_dry_run` of `true`. */
function isSwallowed(option: Option, env: NodeJS.ProcessEnv): boolean {
  const value = env[`npm_config_${(option.long ?? "").replace(/^--(no-)?/, "").replaceAll("-", "_")}`];
  return value !== undefined && (option.negate ? value === "" : value !== "");
}

function asTyped(option: Option, env: NodeJS.ProcessEnv): string {
  const value = env[`npm_config_${(option.long ?? "").slice(2).replaceAll("-", "_")}`];
  if (!takesValue(option)) return option.long ?? "";
  return value === "true" ? option.flags.replace(/[<>[\]]|\.\.\./g, "") : `${option.long} ${value}`;
}

const takesValue = ({ required, optional }: Option): boolean => required || optional;
