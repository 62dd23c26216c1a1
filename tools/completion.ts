import { Argument, Command } from "commander";
import { projectRoot } from "../runtime/project-root";
import { parseCommandLine } from "./command-line";
import { readTable } from "./completion/read-table";
import { type Shell, shells, writeScript } from "./completion/shells";
import { print, runCommand } from "./run-command";

const HELP = `
It completes npm run NAME -- in this folder: names, subcommands, options and the
words that they take. Write it into a file that the shell loads when it starts,
or load it at once:

  source <(npm run --silent completion -- bash)      # or zsh
  npm run --silent completion -- fish | source

It tells what the commands can do now: make it anew after an upgrade.

Examples:
  npm run --silent completion -- bash > ~/.orders-completion
  npm run completion -- fish

Exit codes: 0 done, 1 a command does not tell its words, 2 used wrongly.`;

/** What a shell needs to know to complete the commands' lines, as told by the commands. */
runCommand(async (args) => {
  const command = new Command("npm run completion --")
    .description("Writes a script for a shell that completes the commands of this project.")
    .addArgument(new Argument("<SHELL>", "which shell").choices(shells))
    .addHelpText("after", HELP);
  const [shell] = parseCommandLine(command, args).args;
  await print(writeScript(shell as Shell, projectRoot(), await readTable(projectRoot())));
  return 0;
}, "nothing was written");
