import type { Candidate } from './completion.ts'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/** The candidates as the script of a shell reads them, one a line. */
export function candidateLines(shell: Shell, candidates: readonly Candidate[]): string {
  return candidates.map((candidate) => `${candidateText(shell, candidate)}\n`).join('')
}

function candidateText(shell: Shell, { word, what }: Candidate): string {
  if (shell === 'bash' || what === '') return word
  if (shell === 'fish') return `${word}\t${what}`
  return `${word.replaceAll(':', '\\:')}:${what}`
}

/** What the shell is to read once; it asks `causeway __complete` for every word, so it never grows old. */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell]
}

const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# bash completion for causeway. Use it now:   source <(causeway completion bash)
# or always:  causeway completion bash > /etc/bash_completion.d/causeway
_causeway() {
  local IFS=$'\\n'
  COMPREPLY=($(causeway __complete bash -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _causeway causeway
`,
  zsh: `#compdef causeway
# zsh completion for causeway. Use it now:   source <(causeway completion zsh)
# or always:  causeway completion zsh > "\${fpath[1]}/_causeway"
_causeway() {
  local -a candidates
  candidates=("\${(@f)$(causeway __complete zsh -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${candidates[1]}" ]]; then
    _describe causeway candidates
  else
    _files
  fi
}
if [[ "\${funcstack[1]}" == _causeway ]]; then
  _causeway "$@"
else
  compdef _causeway causeway
fi
`,
  fish: `# fish completion for causeway. Use it now:   causeway completion fish | source
# or always:  causeway completion fish > ~/.config/fish/completions/causeway.fish
function __causeway_candidates
  set -l before (commandline -opc)
  causeway __complete fish -- $before[2..-1] (commandline -ct) 2>/dev/null
end
complete -c causeway -n 'test -n "$(__causeway_candidates)"' -f -a '(__causeway_candidates)'
`,
}
