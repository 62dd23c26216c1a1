/** What may follow, by what stands before it: `dlq list` for `npm run dlq -- list`. */
export type Table = ReadonlyMap<string, readonly string[]>;

/** What the names of the scripts stand behind. */
export const SCRIPTS = "npm run";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/**
 * The script that a shell loads: it completes `npm run NAME -- …` in this project's folder, and leaves everything else
 * to whoever completed npm before.
 *
 * @param root the project's folder
 */
export function writeScript(shell: Shell, root: string, table: Table): string {
  if (shell === "fish") return fishScript(root, table);
  return `${shell === "zsh" ? ZSH_HEAD : ""}${bashScript(root, table)}`;
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** zsh has what bash's completions need, once it is asked for. */
const ZSH_HEAD = `(( $+functions[compdef] )) || { autoload -U compinit && compinit; }
autoload -U bashcompinit && bashcompinit
`;

function bashScript(root: string, table: Table): string {
  const cases = [...table].map(([before, words]) => `    ${quoted(before)}) REPLY=${quoted(words.join(" "))} ;;`);
  return `# Completes npm run … -- … in ${root}, as it is now.
_orders_words() {
  REPLY=
  case "$1" in
${cases.join("\n")}
    *) return 1 ;;
  esac
}
_orders_npm() {
  local current="\${COMP_WORDS[COMP_CWORD]}" at before='' word previous='' REPLY
  COMPREPLY=()
  case "$PWD/" in ${quoted(`${root}/`)}*) ;; *) _orders_npm_before "$@"; return ;; esac
  case "\${COMP_WORDS[1]}" in
    run | run-script) at=2 ;;
    start) at=1 ;;
    *) _orders_npm_before "$@"; return ;;
  esac
  while [ "$at" -lt "$COMP_CWORD" ] && [ "\${COMP_WORDS[at]#-}" != "\${COMP_WORDS[at]}" ]; do at=$((at + 1)); done
  if [ "$at" -ge "$COMP_CWORD" ]; then
    before='${SCRIPTS}'
  else
    before="\${COMP_WORDS[at]}"
    at=$((at + 1))
    while [ "$at" -lt "$COMP_CWORD" ] && [ "\${COMP_WORDS[at]}" != -- ]; do at=$((at + 1)); done
    [ "$at" -lt "$COMP_CWORD" ] || return 0
    for ((at = at + 1; at < COMP_CWORD; at++)); do
      word="\${COMP_WORDS[at]}"
      previous="$word"
      if [ "\${word#-}" = "$word" ] && _orders_words "$before $word"; then before="$before $word"; fi
    done
    if [ -n "$previous" ] && _orders_words "$before $previous"; then before="$before $previous"; fi
  fi
  _orders_words "$before" || return 0
  COMPREPLY=($(compgen -W "$REPLY" -- "$current"))
}
_orders_npm_before() {
  if [ -n "$_orders_before" ]; then "$_orders_before" "$@"; fi
}
_orders_before=
if [ -n "\${BASH_VERSION-}" ]; then
  _orders_before=$(complete -p npm 2>/dev/null | sed -n 's/.* -F \\([^ ]*\\) .*/\\1/p')
  if [ "$_orders_before" = _orders_npm ]; then _orders_before=; fi
fi
complete -o default -F _orders_npm npm
`;
}

function fishScript(root: string, table: Table): string {
  const cases = [...table].map(
    ([before, words]) => `    case ${quoted(before)}\n      printf '%s\\n' ${words.map(quoted).join(" ")}`,
  );
  return `# Completes npm run … -- … in ${root}, as it is now.
function __orders_words
  switch "$argv"
${cases.join("\n")}
    case '*'
      return 1
  end
end
function __orders_npm
  string match -q -- ${quoted(`${root}/*`)} "$PWD/"; or return 1
  set -l words (commandline -opc)[2..]
  switch "$words[1]"
    case run run-script
      set -e words[1]
    case start
    case '*'
      return 1
  end
  while string match -q -- '-*' "$words[1]"
    set -e words[1]
  end
  if test -z "$words[1]"
    __orders_words ${SCRIPTS}
    return
  end
  set -l before $words[1]
  set -l end (contains -i -- -- $words); or return 1
  set -l previous
  for word in $words[(math $end + 1)..]
    set previous $word
    if not string match -q -- '-*' $word; and __orders_words "$before $word" >/dev/null
      set before "$before $word"
    end
  end
  if test -n "$previous"; and __orders_words "$before $previous" >/dev/null
    set before "$before $previous"
  end
  __orders_words $before
end
complete -c npm -n '__orders_npm >/dev/null' -a '(__orders_npm)'
`;
}
